//! Credit that comes in a lump goes out as a stream. Without I/O.
//!
//! On a line that is full both ways, credit waits behind the bulk of the other direction and then comes all at once. Sent as it
//! comes, it makes the same lump of the bytes, behind which the other direction's credit waits: the two keep each other in step,
//! and the line idles a fifth of the time. So who waits for credit sends little faster than what is delivered.

use std::time::Duration;

use tokio::time::Instant;

/// A shorter round trip makes no lumps worth smoothing.
const LONG: Duration = Duration::from_millis(10);

/// Rates that are remembered, each over two round trips.
const SAMPLES: usize = 4;

/// So much faster than delivered: what has room for more takes it.
const GAIN: f64 = 1.25;

/// A rate that grew by more than this is still looking for the line's.
const GROWING: f64 = 1.1;

/// Who did not wait for credit for so many round trips is not held.
const STARVED: u32 = 4;

/// What a late timer may cost is made up for.
const LATE: Duration = Duration::from_millis(4);

/// What one connection sends against credit.
#[derive(Debug, Default)]
pub(super) struct Smooth {
    /// Since when so many bytes were credited.
    span: Option<(Instant, u64)>,
    /// Bytes per second, the newest last.
    rates: [f64; SAMPLES],
    known: usize,
    /// When bytes last waited for credit.
    starved: Option<Instant>,
    /// What may be sent at this time; below zero, what was sent too early.
    left: f64,
    at: Option<Instant>,
}

impl Smooth {
    /// The peer took bytes and lets as many follow. `round_trip` is the least one.
    pub(super) fn credited(&mut self, now: Instant, bytes: u32, round_trip: Option<Duration>) {
        let Some(round_trip) = round_trip.filter(|trip| *trip >= LONG) else { return };
        let Some((since, credited)) = &mut self.span else {
            self.span = Some((now, 0));
            return;
        };
        *credited += u64::from(bytes);
        let span = now.duration_since(*since);
        if span < 2 * round_trip {
            return;
        }
        let rate = *credited as f64 / span.as_secs_f64();
        self.span = Some((now, 0));
        self.rates.rotate_left(1);
        self.rates[SAMPLES - 1] = rate;
        self.known = (self.known + 1).min(SAMPLES);
    }

    /// Bytes wait for credit.
    pub(super) fn starved(&mut self, now: Instant) {
        self.starved = Some(now);
    }

    /// Bytes per second, and for how long at most; none while there is no reason to hold anything.
    fn rate(&self, now: Instant, round_trip: Option<Duration>) -> Option<(f64, Duration)> {
        let round_trip = round_trip.filter(|trip| *trip >= LONG)?;
        let starved = self.starved?;
        let rest = (STARVED * round_trip).checked_sub(now.duration_since(starved)).filter(|rest| !rest.is_zero())?;
        let (since, _) = self.span?;
        // Nothing was credited for long: what is known is of another time.
        if self.known < SAMPLES || starved.duration_since(since) > 2 * STARVED * round_trip {
            return None;
        }
        let before = self.rates[..SAMPLES - 1].iter().copied().fold(0.0, f64::max);
        let newest = self.rates[SAMPLES - 1];
        (newest <= before * GROWING).then(|| (before.max(newest) * GAIN, rest))
    }

    /// When the next `batch` may be sent, if that is not now.
    pub(super) fn holds(&mut self, now: Instant, batch: usize, round_trip: Option<Duration>) -> Option<Instant> {
        let Some((rate, rest)) = self.rate(now, round_trip) else {
            self.at = None;
            return None;
        };
        let batch = batch as f64;
        let most = batch.max(rate * LATE.as_secs_f64());
        match self.at.replace(now) {
            None => self.left = most,
            Some(at) => self.left = (self.left + rate * now.duration_since(at).as_secs_f64()).min(most),
        }
        if self.left > 0.0 {
            return None;
        }
        // A whole batch: less would be small frames. A peer that credited next to nothing holds nobody for longer than what is
        // known is good for.
        let wait = ((batch - self.left) / rate).min(rest.as_secs_f64());
        Some(now + Duration::try_from_secs_f64(wait).unwrap_or(rest))
    }

    /// So many bytes were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.left -= bytes as f64;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const TRIP: Duration = Duration::from_millis(100);
    /// Bytes that a line carries in a millisecond, 1 Gbit/s.
    const RATE: f64 = 125_000.0;
    const BATCH: usize = 64 * 1024;
    const WINDOW: f64 = 16_777_216.0;

    /// One direction of a line: what waits goes first come, first served, and arrives 50 ms after it passed.
    #[derive(Default)]
    struct Line {
        waits: VecDeque<Piece>,
        air: VecDeque<(u64, Piece)>,
        passed: f64,
    }

    #[derive(Clone, Copy)]
    enum Piece {
        Bytes(f64),
        Credit(f64),
    }

    impl Line {
        fn tick(&mut self, tick: u64) -> Vec<Piece> {
            let mut room = RATE;
            while let Some(piece) = self.waits.front_mut() {
                match piece {
                    Piece::Credit(_) => {}
                    Piece::Bytes(left) if *left > room => {
                        *left -= room;
                        self.passed += room;
                        self.air.push_back((tick + 50, Piece::Bytes(room)));
                        break;
                    }
                    Piece::Bytes(all) => {
                        room -= *all;
                        self.passed += *all;
                    }
                }
                self.air.push_back((tick + 50, *piece));
                self.waits.pop_front();
            }
            let here = self.air.iter().take_while(|(at, _)| *at <= tick).count();
            self.air.drain(..here).map(|(_, piece)| piece).collect()
        }
    }

    /// One end: sends bulk against credit, and returns credit for what it got in lumps of 1 MiB.
    struct End {
        credit: f64,
        unreturned: f64,
        smooth: Smooth,
        smooths: bool,
    }

    impl End {
        fn tick(&mut self, now: Instant, came: Vec<Piece>, out: &mut Line) {
            for piece in came {
                match piece {
                    Piece::Bytes(bytes) => self.unreturned += bytes,
                    Piece::Credit(bytes) => {
                        self.credit += bytes;
                        self.smooth.credited(now, bytes as u32, Some(TRIP));
                    }
                }
            }
            while self.unreturned >= 1_048_576.0 {
                self.unreturned -= 1_048_576.0;
                out.waits.push_back(Piece::Credit(1_048_576.0));
            }
            loop {
                if self.credit <= 0.0 {
                    self.smooth.starved(now);
                    break;
                }
                if self.smooths && self.smooth.holds(now, BATCH, Some(TRIP)).is_some() {
                    break;
                }
                let bytes = self.credit.min(BATCH as f64);
                self.credit -= bytes;
                self.smooth.sent(bytes as usize);
                out.waits.push_back(Piece::Bytes(bytes));
            }
        }
    }

    /// How much of the line two directions fill, the second 10 s of 20.
    fn both_ways(smooths: bool) -> [f64; 2] {
        let end = || End { credit: WINDOW, unreturned: 0.0, smooth: Smooth::default(), smooths };
        let (mut near, mut far, mut up, mut down) = (end(), end(), Line::default(), Line::default());
        let begun = Instant::now();
        let mut before = [0.0; 2];
        for tick in 0..20_000 {
            let now = begun + Duration::from_millis(tick);
            let (to_far, to_near) = (up.tick(tick), down.tick(tick));
            near.tick(now, to_near, &mut up);
            far.tick(now, to_far, &mut down);
            if tick == 10_000 {
                before = [up.passed, down.passed];
            }
        }
        [(up.passed - before[0]) / (RATE * 10_000.0), (down.passed - before[1]) / (RATE * 10_000.0)]
    }

    #[test]
    fn two_directions_that_wait_behind_each_other_fill_the_line() {
        let (lumps, smooth) = (both_ways(false), both_ways(true));
        assert!(lumps.iter().any(|share| *share < 0.9), "this is no line that shows it: {lumps:?}");
        assert!(smooth.iter().all(|share| *share > 0.97), "{smooth:?}, in lumps {lumps:?}");
    }

    fn credited_at(smooth: &mut Smooth, mut now: Instant, rates: &[u32]) -> Instant {
        for rate in rates {
            for _ in 0..21 {
                smooth.credited(now, rate / 100, Some(TRIP));
                now += Duration::from_millis(10);
            }
            smooth.starved(now);
        }
        now
    }

    #[test]
    fn nobody_is_held_while_the_rate_grows_or_nothing_waits_or_the_peer_is_near() {
        let begun = Instant::now();
        let settled = [10_000_000; 6];
        let mut smooth = Smooth::default();
        let now = credited_at(&mut smooth, begun, &settled);
        assert!(smooth.rate(now, Some(TRIP)).is_some_and(|(rate, _)| (rate / 12_500_000.0 - 1.0).abs() < 0.2));
        assert_eq!(smooth.rate(now, Some(Duration::from_millis(1))), None, "near");
        assert_eq!(smooth.rate(now + 5 * TRIP, Some(TRIP)), None, "no byte waited of late");
        let now = credited_at(&mut smooth, now, &[20_000_000]);
        assert_eq!(smooth.rate(now, Some(TRIP)), None, "it grows");
        let now = credited_at(&mut smooth, now, &[20_000_000; 2]);
        assert!(smooth.rate(now, Some(TRIP)).is_some(), "it has grown");
        assert_eq!(Smooth::default().holds(now, BATCH, Some(TRIP)), None, "nothing is known");
    }

    #[test]
    fn a_peer_that_credits_next_to_nothing_holds_nobody_for_long() {
        for rate in [0, 100, 10_000] {
            let mut smooth = Smooth::default();
            let now = credited_at(&mut smooth, Instant::now(), &[rate; 6]);
            assert_eq!(smooth.holds(now, BATCH, Some(TRIP)), None, "the first batch of {rate}");
            smooth.sent(10 * BATCH);
            let until = smooth.holds(now, BATCH, Some(TRIP));
            assert_eq!(until, Some(now + 4 * TRIP), "{rate}");
            assert_eq!(smooth.holds(now + 4 * TRIP, BATCH, Some(TRIP)), None, "{rate}");
        }
    }

    #[test]
    fn what_is_held_goes_out_in_whole_batches_at_the_rate() {
        let mut smooth = Smooth::default();
        let begun = credited_at(&mut smooth, Instant::now(), &[10_000_000; 6]);
        let (mut now, mut sent) = (begun, 0);
        while now < begun + Duration::from_millis(300) {
            match smooth.holds(now, BATCH, Some(TRIP)) {
                None => {
                    smooth.sent(BATCH);
                    sent += BATCH;
                }
                Some(until) => {
                    assert!(until > now, "time goes on");
                    now = until;
                }
            }
        }
        let (least, most) = (0.25 * 12_500_000.0, 0.35 * 13_500_000.0);
        assert!((least..most).contains(&(sent as f64)), "{sent}");
    }
}
