//! Retry is decided once, here, for every call of every domain.
//!
//! The questions are asked in this order: was it sent, may it be repeated, is the failure transient,
//! are attempts, budget and time left.

mod backoff;
mod budget;
mod policy;

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

pub use backoff::Backoff;
pub use budget::RetryBudget;
pub use policy::{Decision, RetryPolicy, TRANSIENT_CREDENTIALS};

use crate::error::{Error, ErrorKind, Result, RetryReport, Sent, StopReason};
use crate::operation::Operation;

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

/// Runs attempts of one call until it succeeds or must not be repeated.
///
/// Cheap to clone: clones share the budget.
#[derive(Clone, Debug)]
pub struct Retrier {
    policy: RetryPolicy,
    budget: RetryBudget,
}

impl Default for Retrier {
    fn default() -> Self {
        Self::new(RetryPolicy::default(), RetryBudget::default())
    }
}

impl Retrier {
    /// With a policy and the budget that limits retries over all calls.
    pub const fn new(policy: RetryPolicy, budget: RetryBudget) -> Self {
        Self { policy, budget }
    }

    /// Without any repetition.
    pub fn never() -> Self {
        Self::new(RetryPolicy::never(), RetryBudget::default())
    }

    /// The policy.
    pub const fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Calls `attempt` with 1, 2, 3 … until it succeeds or the policy says stop. The error that comes
    /// back carries the operation and the report.
    ///
    /// # Errors
    /// The last attempt's error; `Timeout` when the deadline passes within an attempt.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running attempt; what it sent may have arrived.
    pub async fn run<T, F, A>(&self, operation: Operation, deadline: Deadline, mut attempt: F) -> Result<T>
    where
        F: FnMut(u32) -> A,
        A: Future<Output = Result<T>>,
    {
        let started = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match within(deadline, attempt(attempts)).await {
                Ok(value) => {
                    self.budget.earn();
                    return Ok(value);
                }
                Err(error) => error,
            };
            let wait = match self.next(operation, &error, attempts, deadline) {
                Decision::Wait(wait) => wait,
                Decision::Stop(reason) => {
                    let report = RetryReport::new(attempts, started.elapsed(), reason);
                    return Err(error.with_operation(operation).with_retry(report));
                }
            };
            tracing::debug!(
                operation = %operation,
                attempt = attempts,
                kind = %error.kind(),
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "attempt failed, trying again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    fn next(&self, operation: Operation, error: &Error, attempts: u32, deadline: Deadline) -> Decision {
        let wait = match self.policy.decide(operation, error, attempts) {
            Decision::Wait(wait) => wait,
            stop @ Decision::Stop(_) => return stop,
        };
        if deadline.left().is_some_and(|left| wait >= left) {
            return Decision::Stop(StopReason::Deadline);
        }
        if !self.budget.spend() {
            return Decision::Stop(StopReason::Budget);
        }
        Decision::Wait(wait)
    }
}

async fn within<T>(deadline: Deadline, attempt: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(left) = deadline.left() else { return attempt.await };
    match tokio::time::timeout(left, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(deadline_passed()),
    }
}

fn deadline_passed() -> Error {
    Error::new(ErrorKind::Timeout, "the call's deadline passed")
        .with_code(DEADLINE)
        .with_sent(Sent::Unknown)
        .advice("allow more time with a longer deadline, or check that the server answers at all")
}

/// The code that tells the deadline from the other clocks, none of which ends the whole call.
pub(crate) const DEADLINE: &str = "deadline";

#[cfg(test)]
mod tests;
