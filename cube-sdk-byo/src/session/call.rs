//! A call under a session: the attempts of one frame, and again under a fresh session when this one has expired.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cube_sdk_core::retry::{Attempt, Deadline, Frame};
use cube_sdk_core::{Operation, Result};

use super::failure::Failure;
use super::lease::Lease;
use super::{Identity, Session};
use crate::s3_uri::ObjectKey;

/// Sessions in a row that one call may find expired although S3 never took them: with many calls in flight a fresh one
/// may be gone before it is used.
const UNUSED: u32 = 3;

/// Sessions in all that one call may find expired.
const RENEWALS: u32 = 16;

impl Session {
    /// Makes a call under the session, as often as the policy allows, and again under a fresh session when S3 says that
    /// this one has expired.
    pub(crate) async fn call<T, F, A>(
        &self,
        operation: Operation,
        key: Option<&ObjectKey>,
        deadline: Deadline,
        make: F,
    ) -> Result<T>
    where
        F: Fn(Attempt, Arc<Lease>) -> A,
        A: Future<Output = Result<T>>,
    {
        let (mut renewals, mut unused) = (0, 0);
        loop {
            // Outside of the frame: who waits for a session has that one's own patience, not both.
            let lease = self.lease(deadline).await?;
            let frame = Frame::new(operation).target(self.target(key)).deadline(deadline);
            let outcome = frame.run(self.retrier(), |attempt| make(attempt, Arc::clone(&lease))).await;
            match outcome {
                Err(error) if Failure::was_expired_session(&error) && renewals < RENEWALS && unused < UNUSED => {
                    renewals += 1;
                    unused = if lease.served.load(Ordering::Relaxed) { 0 } else { unused + 1 };
                    self.cell.forget(|held| Arc::ptr_eq(held, &lease));
                    if matches!(self.identity, Identity::Own) {
                        self.account.base().forget_keys();
                    }
                }
                Ok(outcome) => {
                    lease.served.store(true, Ordering::Relaxed);
                    return Ok(outcome);
                }
                refused => return refused,
            }
        }
    }
}
