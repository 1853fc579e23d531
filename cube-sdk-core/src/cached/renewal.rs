//! When a value is due to be renewed.

use std::time::Duration;

use crate::clock::Timestamp;

/// How long before its end a value is renewed; half of its lifetime where that is shorter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Renewal {
    before: Duration,
    jitter: bool,
}

impl Renewal {
    /// This long before the end.
    pub const fn before_end(before: Duration) -> Self {
        Self { before, jitter: false }
    }

    /// Between one and two times this long before the end, drawn anew for each value: many clients that got theirs
    /// together do not come back together.
    pub const fn spread(before: Duration) -> Self {
        Self { before, jitter: true }
    }

    pub(super) fn due(&self, now: Timestamp, expires: Timestamp) -> Timestamp {
        let factor = if self.jitter { 1.0 + fastrand::f64() } else { 1.0 };
        // A margin of centuries is half of any lifetime.
        let before = Duration::try_from_secs_f64(self.before.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        expires.saturating_sub(before.min(expires.since(now) / 2))
    }
}
