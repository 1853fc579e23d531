//! Whether a failed attempt is followed by another.

use std::time::Duration;

use super::{Backoff, DEADLINE};
use crate::error::{Error, ErrorKind, Sent, StopReason};
use crate::operation::Operation;

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Decision {
    /// Wait this long, then try again.
    Wait(Duration),
    /// Give up, and why.
    Stop(StopReason),
}

/// How often and how patiently a call is repeated.
///
/// ```
/// use cube_sdk_core::retry::RetryPolicy;
/// let patient = RetryPolicy::default().max_attempts(6);
/// assert_eq!(patient.attempts(), 6);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    max_attempts: u32,
    backoff: Backoff,
    retry_after_ceiling: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts, back-off 100 ms to 10 s with full jitter, `Retry-After` honoured up to 30 s.
    fn default() -> Self {
        Self { max_attempts: 4, backoff: Backoff::default(), retry_after_ceiling: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// A single attempt.
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// At most this many attempts, the first included; 0 counts as 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The waits between attempts.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The longest `Retry-After` that is waited for; a longer one ends the call.
    #[must_use]
    pub fn retry_after_ceiling(mut self, ceiling: Duration) -> Self {
        self.retry_after_ceiling = ceiling;
        self
    }

    /// Attempts at most.
    pub const fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Decides what follows attempt `attempts` (1 for the first) that ended with `error`.
    pub fn decide(&self, operation: Operation, error: &Error, attempts: u32) -> Decision {
        let Some(cap) = self.attempt_cap(operation, error) else {
            return Decision::Stop(StopReason::NotRetryable);
        };
        if attempts >= cap {
            return Decision::Stop(StopReason::Attempts);
        }
        match error.retry_after() {
            Some(after) if after > self.retry_after_ceiling => Decision::Stop(StopReason::RetryAfterTooLong),
            // Clients that were told the same second must not come back in the same millisecond.
            Some(after) => Decision::Wait(after + Backoff::new(self.backoff.base, self.backoff.base).wait(1)),
            None => Decision::Wait(self.backoff.wait(attempts)),
        }
    }

    /// How many attempts the kind and the operation allow together; none when it must not be repeated.
    fn attempt_cap(&self, operation: Operation, error: &Error) -> Option<u32> {
        let repeatable = operation.idempotency().is_repeatable() || error.sent() == Sent::No;
        match error.kind() {
            // Nothing ran in either case.
            ErrorKind::Throttled | ErrorKind::Connect => Some(self.max_attempts),
            ErrorKind::Credentials if error.code() == Some(TRANSIENT_CREDENTIALS) => Some(self.max_attempts),
            ErrorKind::Timeout if error.code() == Some(DEADLINE) => None,
            ErrorKind::Unavailable | ErrorKind::Transport | ErrorKind::Timeout if repeatable => Some(self.max_attempts),
            ErrorKind::Server if repeatable && !is_final(error) => Some(self.max_attempts.min(3)),
            _ => None,
        }
    }
}

/// 501 will not change its mind.
fn is_final(error: &Error) -> bool {
    error.status().is_some_and(|status| status.as_u16() == 501)
}

/// The code of a `Credentials` error whose cause may pass by itself.
pub const TRANSIENT_CREDENTIALS: &str = "credentials_unavailable";
