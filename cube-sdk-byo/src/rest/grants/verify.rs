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
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "active",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": "arn:aws:iam::210987654321:role/reader",
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants/verify$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let grant = byo
///     .wait_until_active()
///     .interval(Duration::from_secs(5))
///     .timeout(Duration::from_secs(120))
///     .progress(|grant| println!("{}: {:?}", grant.status, grant.failure()))
///     .await?;
/// assert!(grant.is_active());
/// # Ok(())
/// # }
/// ```
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
