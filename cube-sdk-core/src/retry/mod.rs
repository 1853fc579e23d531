//! Retry is decided once, here, for every call of every domain, and every call runs in one [`Frame`].
//!
//! The questions are asked in this order: was it sent, may it be repeated, is the failure transient, is there patience
//! (attempts, or time where the server throttles), budget and time left.

mod backoff;
mod budget;
mod deadline;
mod frame;
mod policy;

use std::future::Future;

pub use backoff::Backoff;
pub use budget::RetryBudget;
pub use deadline::Deadline;
pub use frame::{Attempt, Frame};
pub use policy::{Decision, RetryPolicy, Tries};

use crate::error::Result;
use crate::operation::Operation;

/// A policy, and the budget that bounds repetitions over all calls. Cheap to clone: clones share the budget.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::retry::{Backoff, Deadline, Retrier, RetryBudget, RetryPolicy};
/// use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation};
///
/// const READ: Operation = Operation::new("shelf", "read", Idempotency::Read);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let waits = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
/// let retrier = Retrier::new(RetryPolicy::default().backoff(waits), RetryBudget::new(10));
/// let attempts = retrier
///     .run(READ, Deadline::after(Duration::from_secs(60)), |number| async move {
///         match number {
///             1 | 2 => Err(Error::new(ErrorKind::Transport, "the line broke")),
///             _ => Ok(number),
///         }
///     })
///     .await?;
/// assert_eq!(attempts, 3);
/// # Ok(())
/// # }
/// ```
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

    /// A [`Frame`] without target: calls `attempt` with 1, 2, 3 … until it succeeds or the policy says stop.
    ///
    /// # Errors
    /// As [`Frame::run`].
    pub async fn run<T, F, A>(&self, operation: Operation, deadline: Deadline, mut attempt: F) -> Result<T>
    where
        F: FnMut(u32) -> A,
        A: Future<Output = Result<T>>,
    {
        Frame::new(operation).deadline(deadline).run(self, |begun| attempt(begun.number)).await
    }
}

#[cfg(test)]
mod tests;
