//! How far away the peer is when nothing waits on the way, and whether something waits there now. Without I/O.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Round trips at rest older than this are forgotten once there is a newer one, so that the least follows the path.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// A connection is at rest when no DATA moved for this long.
const REST: Duration = Duration::from_secs(1);

/// Round trips that stay long for this time, while no window is grown, are not made by our windows: it is the path that
/// became longer.
const DOUBT: Duration = Duration::from_secs(60);

/// What a round trip may differ without there being a queue, besides half of it.
const JITTER: Duration = Duration::from_millis(20);

/// The least that a round trip counts as: a system's scheduler takes as long to notice that bytes came.
const GRAIN: Duration = Duration::from_millis(1);

/// A path as long as this is waited for rather than worked for.
const LONG: Duration = Duration::from_millis(2);

/// What is known of the path of one connection.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// Round trips at rest, increasing from front to back: the front is the least.
    rests: VecDeque<(Instant, Duration)>,
    latest: Option<Duration>,
    /// When DATA last moved.
    moved: Option<Instant>,
    /// Since when round trips have been long without a window being grown, and the least of them.
    doubt: Option<(Instant, Duration)>,
}

impl Path {
    /// DATA came or went.
    pub(crate) fn moved(&mut self, now: Instant) {
        self.moved = Some(now);
    }

    /// A PING that was sent `trip` ago came back. `grown`: a window is larger than it opened.
    pub(crate) fn measured(&mut self, now: Instant, trip: Duration, grown: bool) {
        self.latest = Some(trip);
        let least = self.least();
        let rested = self.moved.is_none_or(|moved| moved + REST + trip <= now);
        // One that is shorter than all others cannot hold more of a queue than they.
        if rested || least.is_none_or(|least| trip <= least) {
            self.remember(now, trip);
            self.doubt = None;
        } else if grown || self.is_calm() {
            self.doubt = None;
        } else {
            let (since, shortest) = self.doubt.map_or((now, trip), |(since, least)| (since, least.min(trip)));
            self.doubt = Some((since, shortest));
            if now.duration_since(since) >= DOUBT {
                self.rests.clear();
                self.remember(now, shortest);
                self.doubt = None;
            }
        }
    }

    fn remember(&mut self, now: Instant, trip: Duration) {
        while self.rests.back().is_some_and(|(_, longer)| *longer >= trip) {
            self.rests.pop_back();
        }
        self.rests.push_back((now, trip));
        let old = |at: Instant| now.duration_since(at) > REMEMBERED;
        while self.rests.len() > 1 && self.rests.front().is_some_and(|(at, _)| old(*at)) {
            self.rests.pop_front();
        }
    }

    /// The least round trip at rest; none before the first was measured.
    pub(crate) fn least(&self) -> Option<Duration> {
        self.rests.front().map(|(_, trip)| *trip)
    }

    /// The same as a span to count bytes over.
    pub(super) fn span(&self) -> Option<Duration> {
        self.least().map(|least| least.max(GRAIN))
    }

    /// Does the round trip tell of no queue? Not known counts as no.
    pub(super) fn is_calm(&self) -> bool {
        self.latest.zip(self.least()).is_some_and(|(latest, least)| latest <= least + least / 2 + JITTER)
    }

    /// Does what is returned late idle the sender?
    pub(super) fn is_long(&self) -> bool {
        self.least().is_some_and(|least| least >= LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A clock, and a path of which a ping tells.
    struct Line(Path, Instant);

    impl Line {
        fn new() -> Self {
            Self(Path::default(), Instant::now())
        }

        fn ping(&mut self, after: Duration, trip: u64, busy: bool, grown: bool) {
            self.1 += after;
            if busy {
                self.0.moved(self.1);
            }
            self.0.measured(self.1, ms(trip), grown);
        }

        fn least(&self) -> u64 {
            self.0.least().map_or(0, |least| u64::try_from(least.as_millis()).unwrap_or(0))
        }
    }

    #[test]
    fn a_queue_of_our_own_is_no_distance() {
        let mut line = Line::new();
        assert!(!line.0.is_calm() && line.0.least().is_none());
        line.ping(ms(0), 100, false, false);
        for _ in 0..3_600 {
            line.ping(ms(1_000), 180, true, true);
            assert_eq!(line.least(), 100, "an hour of bulk changes nothing");
            assert!(!line.0.is_calm());
        }
        line.ping(ms(1_000), 170, true, true);
        assert!(line.0.is_calm(), "half more and 20 ms are no queue");
        line.ping(ms(1_000), 90, true, true);
        assert_eq!(line.least(), 90, "what is shorter is no queue either");
    }

    #[test]
    fn at_rest_a_longer_path_is_believed_after_minutes() {
        let mut line = Line::new();
        line.ping(ms(0), 10, false, false);
        for _ in 0..19 {
            line.ping(ms(15_000), 80, false, false);
        }
        assert_eq!(line.least(), 10);
        line.ping(ms(60_000), 80, false, false);
        assert_eq!(line.least(), 80);
    }

    #[test]
    fn busy_a_longer_path_is_believed_once_no_window_can_make_it() {
        let mut line = Line::new();
        line.ping(ms(0), 10, false, false);
        (0..300).for_each(|_| line.ping(ms(1_000), 100, true, true));
        (0..60).for_each(|_| line.ping(ms(1_000), 100, true, false));
        assert_eq!(line.least(), 10);
        line.ping(ms(1_000), 105, true, false);
        assert_eq!(line.least(), 100);
        assert!(line.0.is_calm());
    }

    #[test]
    fn a_ping_that_bulk_overlapped_is_none_at_rest() {
        let mut line = Line::new();
        line.ping(ms(0), 10, false, false);
        let mut now = line.1 + Duration::from_secs(1_000);
        line.0.moved(now);
        now += ms(1_200);
        line.0.measured(now, ms(300), true);
        assert_eq!(line.0.least(), Some(ms(10)), "it was sent 0.9 s after the bulk");
        line.0.measured(now + ms(200), ms(300), true);
        assert_eq!(line.0.least(), Some(ms(300)));
    }
}
