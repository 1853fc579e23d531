//! Waiting for a grant to become active.

use std::fmt;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use http::Method;

use super::grant::{Grant, GrantStatus};
use crate::code::ByoCode;
use crate::rest::api::InWorkspace;
use crate::rest::operations::VERIFY_GRANT;

/// Time between two probes.
const INTERVAL: Duration = Duration::from_secs(10);

/// Probes at most: two minutes cover what IAM usually needs to spread a change.
const TRIES: u32 = 12;

/// One probe by EdgeGate.
pub(crate) async fn verify(workspace: &InWorkspace) -> Result<Grant> {
    let call = workspace.call(VERIFY_GRANT, Method::POST, &["byo-storage", "grants", "verify"])?;
    workspace.json(&call).await
}

/// Verifies until the grant is active: see [`Byo::wait_until_active`](super::Byo::wait_until_active). Await it to start; drop it to stop.
#[must_use = "a waiter does nothing until it is awaited"]
pub struct WaitUntilActive {
    waiter: Waiter<Grant>,
}

impl fmt::Debug for WaitUntilActive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.waiter.fmt(f)
    }
}

impl WaitUntilActive {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        let look = move || {
            let workspace = workspace.clone();
            async move { verify(&workspace).await }
        };
        Self { waiter: Waiter::new("the grant's verification", INTERVAL, look, judge).tries(TRIES) }
    }

    /// Time between two probes. Default 10 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.waiter = self.waiter.interval(interval);
        self
    }

    /// Probes at most. Default 12.
    pub fn tries(mut self, tries: u32) -> Self {
        self.waiter = self.waiter.tries(tries);
        self
    }

    /// At most this long; then `Timeout`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.waiter = self.waiter.timeout(limit);
        self
    }

    /// Called with the grant after each probe.
    pub fn progress(mut self, report: impl FnMut(&Grant) + Send + 'static) -> Self {
        self.waiter = self.waiter.progress(report);
        self
    }

    async fn send(self) -> Result<Grant> {
        let grant = self.waiter.await?;
        if grant.is_active() { Ok(grant) } else { Err(not_active(&grant)) }
    }
}

awaitable!(WaitUntilActive => Grant);

/// Goes on only while time may cure it: what AWS denies may be a change that has not spread yet.
fn judge(grant: &Grant) -> Progress {
    match &grant.status {
        GrantStatus::Failed | GrantStatus::Unknown(_) => {}
        _ => return Progress::Done,
    }
    match grant.failure().as_ref().map(|fault| fault.code().clone()) {
        Some(ByoCode::RegionMismatch | ByoCode::BucketGone) => Progress::Done,
        _ => Progress::Running,
    }
}

fn not_active(grant: &Grant) -> Error {
    let error = match grant.failure() {
        Some(fault) if grant.status == GrantStatus::Failed => fault.into_error(VERIFY_GRANT),
        _ => Error::new(ErrorKind::Conflict, format!("the grant is {}: {}", grant.status, grant.status.meaning()))
            .with_operation(VERIFY_GRANT),
    };
    error.with_target(format!("the grant for s3://{}", grant.bucket)).with_sent(cube_sdk_core::error::Sent::Yes)
}
