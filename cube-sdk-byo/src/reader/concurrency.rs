//! How many parts to keep in flight: as many as pay, fewer when the server asks.

use std::time::Duration;

use tokio::time::Instant;

/// How often the window looks.
pub(crate) const TICK: Duration = Duration::from_millis(25);

/// Ticks after a change before rates count: new connections need a moment.
const SETTLE: u32 = 2;

/// Ticks over which one rate is taken.
const WINDOW: u32 = 2;

/// Doubling must bring at least this much of what it could bring.
const PAYS: f64 = 0.3;

/// The wait between two trials that did not pay, doubled each time up to the second value.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(8));

/// After SlowDown one more part is allowed this often.
const RECOVER: Duration = Duration::from_millis(500);

/// Several refusals of one burst count once.
const BURST: Duration = Duration::from_millis(250);

/// Finds the number of parts in flight by trial: doubles while the rate follows, goes back when it does
/// not, halves on SlowDown and then climbs one by one.
#[derive(Debug)]
pub(crate) struct Concurrency {
    target: usize,
    most: usize,
    ticks: u32,
    started: Option<(Instant, u64)>,
    trial: Option<(usize, f64)>,
    pause: Duration,
    next_trial: Option<Instant>,
    recovering: Option<Recovery>,
    /// The server has asked for fewer parts once.
    slowed: bool,
}

#[derive(Debug)]
struct Recovery {
    ceiling: usize,
    cut: Instant,
    grown: Instant,
}

impl Concurrency {
    pub(crate) fn new(start: usize, most: usize) -> Self {
        let most = most.max(1);
        Self {
            target: start.clamp(1, most),
            most,
            ticks: 0,
            started: None,
            trial: None,
            pause: PAUSE.0,
            next_trial: None,
            recovering: None,
            slowed: false,
        }
    }

    /// So many parts at least pay, as is known without trial. Not where the server asked for fewer.
    pub(crate) fn widen(&mut self, parts: usize) {
        if !self.slowed && parts > self.target {
            self.target = parts;
            self.most = self.most.max(parts);
            self.trial = None;
            self.restart();
        }
    }

    pub(crate) fn target(&self) -> usize {
        self.target
    }

    /// One look: `received` bytes so far, and whether the network was the limit since the last look.
    pub(crate) fn tick(&mut self, now: Instant, received: u64, busy: bool) {
        if self.recover(now) {
            return;
        }
        if !busy {
            return self.restart();
        }
        self.ticks += 1;
        if self.ticks == SETTLE + 1 {
            self.started = Some((now, received));
        }
        let Some((since, bytes)) = self.started.filter(|_| self.ticks > SETTLE + WINDOW) else { return };
        let seconds = now.duration_since(since).as_secs_f64().max(1e-3);
        let rate = received.saturating_sub(bytes) as f64 / seconds;
        self.judge(now, rate);
    }

    fn judge(&mut self, now: Instant, rate: f64) {
        if let Some((from, before)) = self.trial.take() {
            let possible = self.target as f64 / from as f64 - 1.0;
            if rate < before * (1.0 + PAYS * possible) {
                self.target = from;
                self.next_trial = Some(now + self.pause);
                self.pause = (self.pause * 2).min(PAUSE.1);
                return self.restart();
            }
            self.pause = PAUSE.0;
        }
        if self.target < self.most && self.next_trial.is_none_or(|at| now >= at) {
            self.trial = Some((self.target, rate));
            self.target = (self.target * 2).min(self.most);
        }
        self.restart();
    }

    /// The server asked for fewer requests.
    pub(crate) fn slow_down(&mut self, now: Instant) {
        self.slowed = true;
        if self.recovering.as_ref().is_some_and(|recovery| now.duration_since(recovery.cut) < BURST) {
            return;
        }
        let ceiling = self.recovering.as_ref().map_or(self.target, |recovery| recovery.ceiling);
        self.target = (self.target / 2).max(1);
        self.trial = None;
        self.recovering = Some(Recovery { ceiling, cut: now, grown: now });
        self.restart();
    }

    fn recover(&mut self, now: Instant) -> bool {
        let Some(recovery) = &mut self.recovering else { return false };
        if now.duration_since(recovery.grown) >= RECOVER {
            recovery.grown = now;
            self.target = (self.target + 1).min(self.most);
            if self.target >= recovery.ceiling {
                self.recovering = None;
                self.next_trial = Some(now + PAUSE.1);
            }
        }
        true
    }

    fn restart(&mut self) {
        self.ticks = 0;
        self.started = None;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    /// A server whose rate follows the number of parts up to `knee`.
    struct Server {
        now: Instant,
        received: u64,
        knee: usize,
    }

    impl Server {
        fn run(&mut self, control: &mut Concurrency, ticks: u32) {
            for _ in 0..ticks {
                self.now += TICK;
                self.received += 100_000 * control.target().min(self.knee) as u64;
                control.tick(self.now, self.received, true);
            }
        }
    }

    fn server(knee: usize) -> Server {
        Server { now: Instant::now(), received: 0, knee }
    }

    #[tokio::test(start_paused = true)]
    async fn grows_while_it_pays_within_half_a_second() {
        let (mut control, mut server) = (Concurrency::new(8, 32), server(1000));
        server.run(&mut control, 20);
        assert_eq!(control.target(), 32);
    }

    #[tokio::test(start_paused = true)]
    async fn goes_back_when_it_does_not_pay() {
        let (mut control, mut server) = (Concurrency::new(8, 32), server(8));
        server.run(&mut control, 12);
        assert_eq!(control.target(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_again_when_conditions_change() {
        let (mut control, mut server) = (Concurrency::new(8, 32), server(8));
        server.run(&mut control, 12);
        server.knee = 1000;
        server.run(&mut control, 80);
        assert_eq!(control.target(), 32);
    }

    #[tokio::test(start_paused = true)]
    async fn halves_once_per_burst_and_climbs_again() {
        let (mut control, mut server) = (Concurrency::new(8, 32), server(1000));
        server.run(&mut control, 20);
        for _ in 0..10 {
            control.slow_down(server.now);
        }
        assert_eq!(control.target(), 16);
        server.run(&mut control, 5000 / 25);
        assert!((24..=32).contains(&control.target()), "{}", control.target());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_to_pay_needs_no_trial_but_the_servers_leave() {
        let (mut control, mut server) = (Concurrency::new(8, 32), server(1000));
        control.widen(60);
        assert_eq!(control.target(), 60);
        control.widen(20);
        server.run(&mut control, 20);
        assert_eq!(control.target(), 60);
        control.slow_down(server.now);
        control.widen(60);
        assert_eq!(control.target(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_caller_does_not_count() {
        let mut control = Concurrency::new(8, 32);
        let mut now = Instant::now();
        for received in 0..100 {
            now += TICK;
            control.tick(now, received, false);
        }
        assert_eq!(control.target(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn never_below_one() {
        let mut control = Concurrency::new(1, 1);
        control.slow_down(Instant::now());
        assert_eq!(control.target(), 1);
    }
}
