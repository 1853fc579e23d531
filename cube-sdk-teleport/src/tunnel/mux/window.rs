//! Credit of one stream in one direction, as its receiver grants it.

use std::time::Duration;

use tokio::time::Instant;

/// No window grows beyond this.
pub(crate) const WINDOW_CAP: u64 = 16 << 20;

/// What all windows of a connection may grow by together.
pub(crate) const GROWTH_PER_CONNECTION: u64 = 32 << 20;

/// Credit is returned once half a window was written to the consumer, or this much of a large one: waiting for
/// 8 MiB would idle a sender whose window is hardly larger than what is under way.
const RETURN_AT_MOST: u64 = 1 << 20;

/// The receiver's side of a credit window.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The window's size now.
    size: u64,
    /// The size it opened with.
    opened_at: u64,
    /// Bytes that the sender may still send.
    outstanding: u64,
    /// Bytes written to the consumer and not yet given back.
    unreturned: u64,
    /// When the current half window began to be consumed, and how much of it was.
    half: Option<(Instant, u64)>,
}

impl Receiver {
    pub(crate) fn new(window: u32) -> Self {
        let size = u64::from(window);
        Self { size, opened_at: size, outstanding: size, unreturned: 0, half: None }
    }

    /// DATA came in. False when the sender had no credit for it.
    pub(crate) fn received(&mut self, now: Instant, bytes: u64) -> bool {
        if bytes > self.outstanding {
            return false;
        }
        self.outstanding -= bytes;
        self.half.get_or_insert((now, 0));
        true
    }

    /// The consumer took bytes. Gives the credit to send now, if any; `growth` is what the connection's windows
    /// may still grow by.
    pub(crate) fn written(
        &mut self,
        now: Instant,
        bytes: u64,
        round_trip: Option<Duration>,
        growth: &mut u64,
    ) -> Option<u32> {
        self.unreturned += bytes;
        let mut grown = 0;
        if let Some((since, consumed)) = &mut self.half {
            *consumed += bytes;
            if *consumed >= self.size / 2 {
                let quick = round_trip.is_some_and(|trip| now.duration_since(*since) <= trip * 2);
                if quick && self.size.saturating_mul(2) <= WINDOW_CAP && self.size <= *growth {
                    grown = self.size;
                    *growth -= grown;
                }
                self.size += grown;
                self.half = Some((now, 0));
            }
        }
        if grown == 0 && self.unreturned < (self.size / 2).clamp(1, RETURN_AT_MOST) {
            return None;
        }
        let credit = self.unreturned + grown;
        self.unreturned = 0;
        self.outstanding += credit;
        u32::try_from(credit).ok().filter(|credit| *credit > 0)
    }

    /// What the window grew by: given back to the connection when the stream ends.
    pub(crate) fn growth(&self) -> u64 {
        self.size - self.opened_at
    }

    /// The window's size: what may be under way and wait here together.
    pub(crate) fn granted(&self) -> u64 {
        self.size
    }

    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_queued_never_passes_the_window(
            window in 1u32..100_000,
            steps in proptest::collection::vec((0u64..50_000, 0u64..50_000, 0u64..20), 1..200),
        ) {
            let mut receiver = Receiver::new(window);
            let mut now = Instant::now();
            let (mut credit, mut queued, mut growth) = (u64::from(window), 0, 200_000);
            for (send, write, pause) in steps {
                now += Duration::from_millis(pause);
                let send = send.min(credit);
                prop_assert!(send == 0 || receiver.received(now, send));
                credit -= send;
                queued += send;
                let write = write.min(queued);
                queued -= write;
                if write > 0 && let Some(more) = receiver.written(now, write, Some(Duration::from_millis(4)), &mut growth) {
                    credit += u64::from(more);
                }
                prop_assert!(queued + credit <= receiver.granted());
                prop_assert_eq!(growth + receiver.growth(), 200_000);
            }
            // An idle consumer leaves no sender without credit.
            let rest = receiver.written(now, queued, None, &mut growth).map_or(0, u64::from);
            prop_assert!(credit + rest > 0);
            prop_assert!(!receiver.received(now, receiver.outstanding + 1));
        }
    }

    #[test]
    fn grows_only_while_it_limits() {
        let mut receiver = Receiver::new(100);
        let mut now = Instant::now();
        let mut growth = 1_000;
        let trip = Some(Duration::from_millis(10));
        assert!(receiver.received(now, 100));
        now += Duration::from_millis(15);
        assert_eq!(receiver.written(now, 50, trip, &mut growth), Some(150));
        now += Duration::from_millis(500);
        assert_eq!(receiver.written(now, 50, trip, &mut growth), None);
        assert!(receiver.received(now, 100));
        assert_eq!(receiver.written(now, 100, trip, &mut growth), Some(150));
        assert_eq!((receiver.growth(), growth), (100, 900));
    }
}
