//! When a call ends, however many attempts are left.

use std::time::Duration;

use tokio::time::Instant;

/// The deadline of one call: when it ends, however many attempts are left.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// A call that may take this long, retries and waits included.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// A call without a limit.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Time left; none without a limit, zero when it is past.
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The sooner of this deadline and `limit` from now.
    pub fn limit(&self, limit: Duration) -> Duration {
        self.left().map_or(limit, |left| left.min(limit))
    }
}
