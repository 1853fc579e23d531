//! Is the peer alive? Clocks without I/O.

use std::time::Duration;

use tokio::time::Instant;

use super::terms::Clocks;

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

/// Liveness of one connection.
#[derive(Debug)]
pub(crate) struct Keepalive {
    clocks: Clocks,
    heard: Instant,
    asked: Instant,
    in_flight: Option<(u64, Instant)>,
    nonce: u64,
}

impl Keepalive {
    pub(crate) fn new(clocks: Clocks, now: Instant) -> Self {
        Self { clocks, heard: now, asked: now, in_flight: None, nonce: 0 }
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

    /// A pong came in: how long it took; others than the awaited one are ignored.
    pub(crate) fn answered(&mut self, now: Instant, nonce: u64) -> Option<Duration> {
        let (_, since) = self.in_flight.take_if(|(awaited, _)| *awaited == nonce)?;
        Some(now.duration_since(since))
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
    fn one_ping_is_in_flight_and_its_own_pong_answers_it() {
        let start = Instant::now();
        let mut clock = keepalive(Version::V2, start);
        let nonce = clock.ask(start);
        assert!(nonce.is_some() && clock.ask(start).is_none());
        let pong = start + Duration::from_millis(5);
        assert_eq!(clock.answered(pong, 99), None, "not the one awaited");
        assert_eq!(clock.answered(pong, nonce.unwrap_or(0)), Some(Duration::from_millis(5)));
        assert_eq!(clock.answered(pong, nonce.unwrap_or(0)), None, "once");
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
