//! Whether a failed attempt is followed by another.

use std::time::Duration;

use tokio::time::Instant;

use super::Backoff;
use crate::error::{Error, ErrorKind, Sent, StopReason, WhichClock};
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

/// What a call met so far: what the policy decides by.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Tries {
    /// Failures that count, in a row.
    pub failures: u32,
    /// Throttled answers in a row.
    pub throttles: u32,
    /// When the first throttled answer of the row came.
    throttled_since: Option<Instant>,
    last_throttled: bool,
}

impl Tries {
    /// Notes one more failed attempt.
    pub fn failed(&mut self, error: &Error) {
        self.last_throttled = is_throttle(error);
        if self.last_throttled {
            self.throttles = self.throttles.saturating_add(1);
            self.throttled_since.get_or_insert_with(Instant::now);
        } else {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Was the last failure the server's word that it has too much to do?
    pub const fn throttled(&self) -> bool {
        self.last_throttled
    }

    fn patience_used(&self) -> Duration {
        self.throttled_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// 429, SlowDown and 503: the server is there and has too much to do.
fn is_throttle(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Throttled => true,
        ErrorKind::Unavailable => error.status().is_none_or(|status| status.as_u16() == 503),
        // The token endpoint's word, which the error names as its cause.
        ErrorKind::Credentials => {
            std::error::Error::source(error).and_then(|cause| cause.downcast_ref()).is_some_and(is_throttle)
        }
        _ => false,
    }
}

/// How often and how patiently a call is repeated.
///
/// Throttling and 503 are waited out by time: from about 1 s, growing, for a minute at most. Other transient failures are
/// repeated by count; an attempt that [brought the call further](super::Attempt::progressed) starts both anew.
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
    throttle_backoff: Backoff,
    patience: Duration,
    retry_after_ceiling: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts with back-off 100 ms to 10 s and full jitter; throttling for 60 s, from 1 s to 10 s; `Retry-After`
    /// honoured up to 120 s.
    fn default() -> Self {
        Self {
            max_attempts: 4,
            backoff: Backoff::default(),
            throttle_backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(10)),
            patience: Duration::from_secs(60),
            retry_after_ceiling: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// A single attempt.
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// At most this many attempts in a row that fail without progress, the first included; 0 counts as 1. With 1 nothing
    /// is repeated, throttled calls included.
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

    /// The waits after throttling and 503 where the server names none: each at least half of its bound.
    #[must_use]
    pub fn throttle_backoff(mut self, backoff: Backoff) -> Self {
        self.throttle_backoff = backoff;
        self
    }

    /// How long throttling and 503 are waited out.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
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

    /// The waits after throttling: for callers that hold back more than the call that was throttled.
    pub const fn throttle_waits(&self) -> Backoff {
        self.throttle_backoff
    }

    /// Decides what follows an attempt that ended with `error`, the last of `tries`.
    pub fn decide(&self, operation: Operation, error: &Error, tries: &Tries) -> Decision {
        let Some(cap) = self.attempt_cap(operation, error) else {
            return Decision::Stop(StopReason::NotRetryable);
        };
        if tries.throttled() {
            return self.wait_out(error, tries);
        }
        if tries.failures >= cap {
            return Decision::Stop(StopReason::Attempts);
        }
        match self.asked_to_wait(error) {
            Some(decision) => decision,
            None => Decision::Wait(self.backoff.wait(tries.failures)),
        }
    }

    fn wait_out(&self, error: &Error, tries: &Tries) -> Decision {
        if self.max_attempts == 1 {
            return Decision::Stop(StopReason::Attempts);
        }
        let left = self.patience.saturating_sub(tries.patience_used());
        if left.is_zero() {
            return Decision::Stop(StopReason::Patience);
        }
        let own = self.throttle_backoff.steady_wait(tries.throttles).min(left);
        match self.asked_to_wait(error) {
            // The pause of shared credentials is a floor, not the server's wish.
            Some(Decision::Wait(asked)) if error.kind() == ErrorKind::Credentials => Decision::Wait(asked.max(own)),
            Some(decision) => decision,
            None => Decision::Wait(own),
        }
    }

    /// Never sooner than the server asked, and not all in the same millisecond.
    fn asked_to_wait(&self, error: &Error) -> Option<Decision> {
        let after = error.retry_after()?;
        if after > self.retry_after_ceiling {
            return Some(Decision::Stop(StopReason::RetryAfterTooLong));
        }
        let apart = Backoff::new(self.backoff.base, self.backoff.base).wait(1);
        Some(Decision::Wait(after.saturating_add(apart)))
    }

    /// How many attempts the kind and the operation allow together; none when it must not be repeated.
    fn attempt_cap(&self, operation: Operation, error: &Error) -> Option<u32> {
        let repeatable = operation.idempotency().is_repeatable() || error.sent() == Sent::No;
        match error.kind() {
            _ if !error.is_transient() => None,
            // Nothing ran in either case.
            ErrorKind::Throttled | ErrorKind::Connect | ErrorKind::Credentials => Some(self.max_attempts),
            ErrorKind::Timeout if error.clock() == Some(WhichClock::Deadline) => None,
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
