//! Is the peer alive, and how far away is it? Clocks without I/O.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::terms::Clocks;

/// Round trips older than this are forgotten, so that the least one follows the path.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What to do now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Beat {
    /// Nothing.
    Rest,
    /// Send a ping with this nonce.
    Ping(u64),
    /// The peer is dead.
    Dead,
}

/// Liveness and round trip of one connection.
#[derive(Debug)]
pub(crate) struct Keepalive {
    clocks: Clocks,
    heard: Instant,
    asked: Instant,
    in_flight: Option<(u64, Instant)>,
    nonce: u64,
    /// Samples of the last seconds, increasing from front to back: the front is the least.
    least: VecDeque<(Instant, Duration)>,
    latest: Option<Duration>,
}

impl Keepalive {
    pub(crate) fn new(clocks: Clocks, now: Instant) -> Self {
        Self { clocks, heard: now, asked: now, in_flight: None, nonce: 0, least: VecDeque::new(), latest: None }
    }

    /// Bytes came in.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Pings at once, to learn the round trip; nothing while one is in flight.
    pub(crate) fn ask(&mut self, now: Instant) -> Option<u64> {
        if self.in_flight.is_some() {
            return None;
        }
        self.nonce += 1;
        self.in_flight = Some((self.nonce, now));
        self.asked = now;
        Some(self.nonce)
    }

    /// A pong came in; others than the awaited one are ignored.
    pub(crate) fn answered(&mut self, now: Instant, nonce: u64) -> Option<Duration> {
        let (_, since) = self.in_flight.take_if(|(awaited, _)| *awaited == nonce)?;
        let trip = now.duration_since(since);
        while self.least.back().is_some_and(|(_, longer)| *longer >= trip) {
            self.least.pop_back();
        }
        self.least.push_back((now, trip));
        self.forget(now);
        self.latest = Some(trip);
        self.latest
    }

    fn forget(&mut self, now: Instant) {
        while self.least.len() > 1 && self.least.front().is_some_and(|(at, _)| now.duration_since(*at) > REMEMBERED) {
            self.least.pop_front();
        }
    }

    /// The least round trip of the last 10 s, or the last one measured.
    pub(crate) fn least(&self, now: Instant) -> Option<Duration> {
        let recent = self.least.iter().find(|(at, _)| now.duration_since(*at) <= REMEMBERED);
        recent.or(self.least.back()).map(|(_, trip)| *trip)
    }

    /// Looks at the clocks. `busy`: credit is short or was returned since the last ping.
    pub(crate) fn beat(&mut self, now: Instant, busy: bool) -> Beat {
        if now.duration_since(self.heard) >= self.clocks.dead {
            return Beat::Dead;
        }
        let quiet = now.duration_since(self.heard.max(self.asked)) >= self.clocks.quiet;
        let asked_long_ago = self.clocks.busy.is_some_and(|every| now.duration_since(self.asked) >= every);
        if (quiet || (busy && asked_long_ago))
            && let Some(nonce) = self.ask(now)
        {
            return Beat::Ping(nonce);
        }
        Beat::Rest
    }

    /// When to look next.
    pub(crate) fn next(&self, busy: bool) -> Instant {
        let dead = self.heard + self.clocks.dead;
        if self.in_flight.is_some() {
            return dead;
        }
        let quiet = self.heard.max(self.asked) + self.clocks.quiet;
        let soon = self.clocks.busy.filter(|_| busy).map_or(quiet, |every| self.asked + every);
        dead.min(quiet).min(soon)
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::Terms;
    use super::*;
    use crate::tunnel::codec::frame::Version;
    use crate::tunnel::mux::Role;

    fn keepalive(version: Version, now: Instant) -> Keepalive {
        Keepalive::new(Terms::of(Role::Agent, version).clocks, now)
    }

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn silence_is_asked_about_and_then_believed() {
        let start = Instant::now();
        let mut clock = keepalive(Version::V2, start);
        assert_eq!(clock.beat(start + secs(14), false), Beat::Rest);
        assert_eq!(clock.beat(start + secs(15), false), Beat::Ping(1));
        assert_eq!(clock.beat(start + secs(44), false), Beat::Rest);
        assert_eq!(clock.beat(start + secs(45), false), Beat::Dead);
        clock.heard(start + secs(44));
        assert_eq!(clock.beat(start + secs(45), false), Beat::Rest);
    }

    #[test]
    fn version_1_has_its_own_clocks() {
        let start = Instant::now();
        let mut clock = keepalive(Version::V1, start);
        assert_eq!(clock.beat(start + secs(19), true), Beat::Rest);
        assert_eq!(clock.next(true), start + secs(20));
        assert_eq!(clock.beat(start + secs(20), true), Beat::Ping(1));
        assert_eq!(clock.beat(start + secs(40), true), Beat::Dead);
    }

    #[test]
    fn the_least_round_trip_is_of_the_last_ten_seconds() {
        let start = Instant::now();
        let mut clock = keepalive(Version::V2, start);
        for (at, millis) in [(0, 5), (3, 9), (12, 7)] {
            let asked = start + secs(at);
            let nonce = clock.ask(asked);
            assert!(clock.ask(asked).is_none(), "one ping in flight");
            let pong = asked + Duration::from_millis(millis);
            assert_eq!(clock.answered(pong, 99), None, "not the one awaited");
            assert_eq!(clock.answered(pong, nonce.unwrap_or(0)), Some(Duration::from_millis(millis)));
        }
        assert_eq!(clock.least(start + secs(4)), Some(Duration::from_millis(7)));
        assert_eq!(clock.least(start + secs(60)), Some(Duration::from_millis(7)), "an old one beats none");
    }

    #[test]
    fn busy_streams_are_measured_every_second() {
        let start = Instant::now();
        let mut clock = keepalive(Version::V2, start);
        assert_eq!(clock.next(true), start + secs(1));
        clock.heard(start + secs(1));
        assert_eq!(clock.beat(start + secs(1), true), Beat::Ping(1));
        assert_eq!(clock.beat(start + secs(2), true), Beat::Rest, "one in flight");
    }
}
