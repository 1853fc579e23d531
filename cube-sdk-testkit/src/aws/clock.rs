//! The world's clock: wall time at the start, moved on by tokio's clock, so that a paused clock rules expiry too.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time that advances with tokio's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that reads the system's time now.
    pub(crate) fn start() -> Self {
        Self { wall: Timestamp::now(), started: Instant::now() }
    }

    /// The world's time.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

/// `2026-07-01T09:15:30Z`: RFC 3339 in whole seconds, as STS, IAM and CloudTrail print times.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
