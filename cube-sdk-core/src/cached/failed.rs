//! A failure that is the answer for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::later;
use crate::error::Error;

/// The longest pause that a failure asks for by its `retry_after`.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) until: Instant,
    /// When the server itself wants to be asked again.
    wanted: Option<Instant>,
}

impl Failed {
    pub(super) fn now(error: &Error, pause: Duration) -> Self {
        let (now, after) = (Instant::now(), error.retry_after());
        let pause = pause.max(after.unwrap_or_default().min(LONGEST_PAUSE));
        Self { error: error.clone(), until: later(now, pause), wanted: after.map(|after| later(now, after)) }
    }

    /// The error, with the time left until asking again may help, where it may at all.
    pub(super) fn told(&self) -> Error {
        let error = self.error.clone();
        let left = self.until.max(self.wanted.unwrap_or(self.until)).saturating_duration_since(Instant::now());
        if left > Duration::ZERO && error.is_transient() { error.with_retry_after(Some(left)) } else { error }
    }
}
