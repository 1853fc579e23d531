//! How fast the transport takes bytes, and how many may wait before it unsent: some milliseconds' worth, so that
//! control frames and small streams overtake the rest. Without I/O.

use std::time::Duration;

use tokio::time::Instant;

use crate::tunnel::codec::outbox::FILL;

/// A rate is judged over no less than this: acknowledgements come in bursts.
const SPAN: Duration = Duration::from_millis(20);

/// What may wait in the socket: this long at the rate. Less, and a busy machine is late with more.
const UNSENT: Duration = Duration::from_millis(4);

/// With less, each wake-up moves hardly a packet.
const LEAST_UNSENT: usize = 8 * 1024;

/// With more, bytes are out of the processor's caches before they are sent.
const MOST_UNSENT: usize = 1024 * 1024;

/// What waits framed before the socket, in one frame or several: this long at the rate.
const BATCH: Duration = Duration::from_millis(2);

/// The least of it, what it is while no rate is known, and the most.
const LEAST_BATCH: usize = 4 * 1024;
const FIRST: usize = 64 * 1024;
const MOST_BATCH: usize = FILL;

/// How far the bound in the socket may be off before the system is told another.
const SLACK: usize = 4;

/// What one transport takes.
#[derive(Debug)]
pub(super) struct Pace {
    /// When it was full, and what it took since.
    full: Option<(Instant, u64)>,
    /// Since when it was never full, and what it took meanwhile.
    free: Option<(Instant, u64)>,
    /// Bytes per second; none while too little is known.
    rate: Option<f64>,
    /// The bound that the system knows.
    told: usize,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { full: None, free: None, rate: None, told: 0 }
    }

    /// It took so many bytes. When it is not full meanwhile, what went beyond its bound was sent on.
    pub(super) fn took(&mut self, now: Instant, bytes: usize) {
        if let Some((_, taken)) = &mut self.full {
            *taken += bytes as u64;
        }
        let (since, taken) = self.free.get_or_insert((now, 0));
        *taken += bytes as u64;
        let span = now.duration_since(*since);
        if span >= SPAN {
            let sent = taken.saturating_sub(self.told as u64);
            self.free = None;
            let seen = sent as f64 / span.as_secs_f64();
            // Who gives little learns nothing.
            let known = self.rate.unwrap_or(FIRST as f64 / BATCH.as_secs_f64());
            if seen > known {
                self.rate = Some(seen);
            }
        }
    }

    /// There is nothing to give it: what follows tells nothing of what it would have taken.
    pub(super) fn ran_dry(&mut self) {
        self.full = None;
    }

    /// It takes no more for now. What it took since it was full before is what it sent on.
    pub(super) fn is_full(&mut self, now: Instant) {
        self.free = None;
        let Some((since, taken)) = self.full else {
            self.full = Some((now, 0));
            return;
        };
        let span = now.duration_since(since);
        if span < SPAN {
            return;
        }
        self.full = Some((now, 0));
        let seen = taken as f64 / span.as_secs_f64();
        // Up at once, down slowly: with too little in the socket it is this side that makes it slow.
        self.rate = Some(self.rate.map_or(seen, |rate| seen.max(rate * 0.875 + seen * 0.125)));
    }

    fn worth(&self, span: Duration) -> Option<usize> {
        self.rate.map(|rate| (rate * span.as_secs_f64()) as usize)
    }

    /// What may wait framed.
    pub(super) fn batch(&self) -> usize {
        self.worth(BATCH).map_or(FIRST, |bytes| bytes.clamp(LEAST_BATCH, MOST_BATCH))
    }

    /// What may be unsent in the socket.
    fn unsent(&self) -> usize {
        self.worth(UNSENT).map_or(FIRST, |bytes| bytes.clamp(LEAST_UNSENT, MOST_UNSENT))
    }

    /// The bound to tell the system when it has to learn another.
    pub(super) fn news(&mut self) -> Option<usize> {
        let bound = self.unsent();
        if bound.abs_diff(self.told) <= self.told / SLACK {
            return None;
        }
        self.told = bound;
        Some(bound)
    }

    /// What is on its way and unacknowledged, as far as the rate tells.
    #[cfg_attr(any(target_os = "android", target_os = "linux"), allow(dead_code, reason = "for other systems"))]
    pub(super) fn under_way(&self, round_trip: Option<Duration>) -> usize {
        self.worth(round_trip.unwrap_or(Duration::from_millis(100))).unwrap_or(FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes `rate` bytes per second, looked at every `every` ms; `dry` times there is nothing to send.
    fn feed(pace: &mut Pace, now: &mut Instant, rate: u64, every: u64, times: usize) {
        pace.is_full(*now);
        for _ in 0..times {
            *now += Duration::from_millis(every);
            pace.took(*now, (rate * every / 1000) as usize);
            pace.is_full(*now);
        }
    }

    #[test]
    fn bounds_follow_the_rate_of_the_line() {
        for (mbit, batch, unsent) in [
            (1, 4096, 8192),
            (10, 4096, 8192),
            (100, 25_000, 50_000),
            (1_000, 250_000, 500_000),
            (8_000, 1_048_576, 1_048_576),
        ] {
            let (mut pace, mut now) = (Pace::new(), Instant::now());
            assert_eq!((pace.batch(), pace.news()), (FIRST, Some(FIRST)), "nothing is known yet");
            feed(&mut pace, &mut now, mbit * 125_000, 5, 40);
            assert_eq!(pace.batch(), batch, "{mbit}");
            assert_eq!(pace.unsent(), unsent, "{mbit}");
            pace.news();
            assert!(pace.told.abs_diff(unsent) <= unsent / 2, "the system knows {} at {mbit}", pace.told);
            assert_eq!(pace.news(), None, "the system is told once");
        }
    }

    #[test]
    fn the_bound_of_a_fast_line_comes_down_with_it() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        feed(&mut pace, &mut now, 1_000_000_000, 1, 40);
        assert_eq!((pace.batch(), pace.news(), pace.news()), (MOST_BATCH, Some(MOST_UNSENT), None));
        feed(&mut pace, &mut now, 1_250_000, 5, 2_000);
        assert_eq!((pace.batch(), pace.news()), (LEAST_BATCH, Some(LEAST_UNSENT)), "and down again");
    }

    #[test]
    fn pauses_of_this_side_say_nothing_of_the_line() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        feed(&mut pace, &mut now, 12_500_000, 5, 40);
        let batch = pace.batch();
        for _ in 0..100 {
            pace.ran_dry();
            now += Duration::from_secs(1);
            pace.took(now, 100);
            pace.is_full(now);
        }
        assert_eq!(pace.batch(), batch);
    }

    #[test]
    fn a_line_that_is_never_full_is_as_fast_as_what_went_beyond_its_bound() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        pace.news();
        for _ in 0..3 {
            now += Duration::from_millis(30);
            pace.took(now, FIRST);
        }
        assert_eq!(pace.batch(), FIRST, "it may all wait in the socket");
        for _ in 0..3 {
            now += Duration::from_millis(15);
            pace.took(now, 32 << 20);
        }
        assert_eq!(pace.batch(), MOST_BATCH);
        feed(&mut pace, &mut now, 1_250_000, 5, 2_000);
        assert_eq!(pace.batch(), LEAST_BATCH, "and down again");
    }

    #[test]
    fn one_slow_moment_costs_little() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        feed(&mut pace, &mut now, 12_500_000, 5, 40);
        let batch = pace.batch();
        feed(&mut pace, &mut now, 125_000, 20, 1);
        assert!(pace.batch() > batch * 4 / 5, "{}", pace.batch());
    }
}
