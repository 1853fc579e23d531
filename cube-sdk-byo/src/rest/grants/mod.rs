//! Bring-your-own storage of one workspace: the grant, registrations and the audit.

mod attach;
mod checklist;
mod grant;
mod register;
mod rotation;
mod setup;
mod setup_info;
mod verify;

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::Method;

pub use attach::AttachRole;
pub use checklist::ChecklistItem;
pub use grant::{Grant, GrantStatus};
pub use register::RegisterGrant;
pub use rotation::{ConfirmRotation, Rotated};
pub use setup::{Setup, SetupGrant};
pub use setup_info::SetupInfo;
pub use verify::WaitUntilActive;

use super::api::InWorkspace;
use super::artifacts::RegisterArtifact;
use super::audit::ListAudit;
use super::operations::{DISCONNECT, GET_GRANT};
use super::refusal::RefusalExt;
use crate::arn::RoleArn;
use crate::region::Region;
use crate::s3_uri::{Bucket, S3Uri};

/// Bring-your-own storage of one workspace. Enterprise plan; every call but [`setup_info`](Self::setup_info)
/// fails with `PlanRequired` below it.
///
/// Two ways to a grant:
///
/// * two phases: [`setup`](Self::setup) mints the External ID first, so that the role can be created
///   with it, then [`attach_role`](Self::attach_role);
/// * one phase: [`register`](Self::register) with a role that exists, whose trust policy is then edited
///   to the External ID that came back, then [`wait_until_active`](Self::wait_until_active).
///
/// ```
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::{method, path_regex}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = MockServer::start().await;
/// # let grant = |status: &str, role: Option<&str>| serde_json::json!({
/// #     "id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "bucket": "acme-edge-models",
/// #     "region": "eu-central-1", "status": status, "role_arn": role,
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let role = "arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4";
/// # for (verb, path, reply) in [
/// #     ("GET", "/setup-info$", serde_json::json!({"edgegate_aws_account_id": "123456789012",
/// #         "edgegate_principal_arn": "arn:aws:iam::123456789012:user/edgegate-worker"})),
/// #     ("POST", "/grants$", grant("pending_role", None)),
/// #     ("POST", "/grants/(attach-role|verify)$", grant("active", Some(role))),
/// # ] {
/// #     let answer = ResponseTemplate::new(200).set_body_json(reply);
/// #     Mock::given(method(verb)).and(path_regex(path)).respond_with(answer).mount(&server).await;
/// # }
/// # let url = server.uri();
/// use cube_sdk_byo::EdgeGate;
///
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
///
/// let setup = byo.setup("acme-edge-models", "eu-central-1").await?;
/// println!("{}", setup.role.aws_cli().create_role_script()); // run it in the customer's account
///
/// let arn = "arn:aws:iam::210987654321:role/edgegate-byo-read-c2b7a6d4";
/// setup.attach_role(arn).await?;
/// let grant = byo.wait_until_active().progress(|grant| println!("{}", grant.status)).await?;
/// assert!(grant.is_active());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Byo {
    workspace: InWorkspace,
}

impl Byo {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace }
    }

    /// What EdgeGate tells about itself for the customer's IAM documents.
    ///
    /// `GET …/byo-storage/setup-info`, admin, on every plan. Repeated when it fails on the way.
    ///
    /// # Errors
    /// Those of any read: see the [module](crate::rest). An operator's unfinished set-up is no error here:
    /// see [`SetupInfo::principal`].
    pub async fn setup_info(&self) -> Result<SetupInfo> {
        setup_info::setup_info(&self.workspace).await
    }

    /// First phase of two: mints the External ID and gives the documents to create the role with.
    ///
    /// Reads the set-up info, checks it, then `POST …/byo-storage/grants` without role, owner. A pending
    /// grant that exists already for the same bucket, region and key is used as it is.
    ///
    /// # Errors
    /// `Config` when the operator of EdgeGate has not finished the set-up: nothing is created then.
    /// `InvalidInput` for a key of another region. `Conflict` when the workspace has another grant: nothing
    /// is rotated or deleted. The POST is sent at most once.
    pub fn setup(
        &self,
        bucket: impl TryInto<Bucket, Error: Into<Error>>,
        region: impl TryInto<Region, Error: Into<Error>>,
    ) -> SetupGrant {
        SetupGrant::new(self.clone(), taken(bucket), taken(region))
    }

    /// Registers a role that exists already, in one phase.
    ///
    /// `POST …/byo-storage/grants` with role, owner. EdgeGate probes at once: the grant that comes back is
    /// normally `failed` with `BYO_ASSUME_ROLE_FAILED`, because the trust policy can only now be given the
    /// External ID. Sent at most once.
    ///
    /// # Errors
    /// `Conflict` when the workspace has a grant: nothing is rotated or deleted.
    pub fn register(
        &self,
        role: impl TryInto<RoleArn, Error: Into<Error>>,
        bucket: impl TryInto<Bucket, Error: Into<Error>>,
        region: impl TryInto<Region, Error: Into<Error>>,
    ) -> RegisterGrant {
        RegisterGrant::new(self.workspace.clone(), taken(role), taken(bucket), taken(region))
    }

    /// The grant.
    ///
    /// `GET …/byo-storage/grants`, admin. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `NotFound` when the workspace has none, or does not exist.
    pub async fn grant(&self) -> Result<Grant> {
        let call = self.workspace.call(GET_GRANT, Method::GET, &["byo-storage", "grants"])?;
        self.workspace.json(&call).await
    }

    /// The grant; none when the workspace has none.
    ///
    /// # Errors
    /// As [`grant`](Self::grant). A 404 whose words speak of the workspace and not of a grant stays
    /// `NotFound`.
    pub async fn find_grant(&self) -> Result<Option<Grant>> {
        match self.grant().await {
            Ok(grant) => Ok(Some(grant)),
            Err(error) if error.kind() == ErrorKind::NotFound && !misses_the_workspace(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Second phase of two: names the role that was created with the grant's External ID.
    ///
    /// `POST …/byo-storage/grants/attach-role`, owner. EdgeGate probes at once and answers `active` or
    /// `failed`; the role is stored in both cases. IAM needs some seconds after the role was created:
    /// [`wait_until_active`](Self::wait_until_active). Sent at most once.
    ///
    /// # Errors
    /// `NotFound` without a grant; `Conflict` when the grant is active or revoked.
    pub fn attach_role(&self, role: impl TryInto<RoleArn, Error: Into<Error>>) -> AttachRole {
        AttachRole::new(self.workspace.clone(), taken(role))
    }

    /// Probes the customer's bucket now: AssumeRole and a HEAD.
    ///
    /// `POST …/byo-storage/grants/verify`, admin. A failed probe is an answer, not an error: see
    /// [`Grant::status`] and [`Grant::failure`]. Repeated when it fails on the way: a second probe does no
    /// harm.
    ///
    /// # Errors
    /// `NotFound` without a grant; `Unavailable` when EdgeGate could not reach AWS.
    pub async fn verify(&self) -> Result<Grant> {
        verify::verify(&self.workspace).await
    }

    /// Verifies every 10 s, at most 12 times, until the grant is active: IAM is eventually consistent.
    ///
    /// Ends early on what waiting cannot cure: no role attached, wrong region, bucket gone, revoked.
    ///
    /// # Errors
    /// The probe's fault ([`ByoErrorExt`](crate::ByoErrorExt)) when the grant is not active in the end;
    /// those of [`verify`](Self::verify).
    pub fn wait_until_active(&self) -> WaitUntilActive {
        WaitUntilActive::new(self.workspace.clone())
    }

    /// Mints a new External ID. Reads fail until the role's trust policy carries it.
    ///
    /// Reads the set-up info first, so that the new trust policy can be given back, then
    /// `POST …/byo-storage/grants/{grant}/rotate-external-id`, owner. Sent at most once. Never the answer to a
    /// `Conflict`.
    ///
    /// # Errors
    /// `NotFound` when the grant is not there any more; `Config` when the operator of EdgeGate has not
    /// finished the set-up: nothing is rotated then.
    pub async fn rotate_external_id(&self, confirm: ConfirmRotation) -> Result<Rotated> {
        rotation::rotate(&self.workspace, confirm).await
    }

    /// Ends the grant: reads and registrations stop.
    ///
    /// `DELETE …/byo-storage/grants`, owner. Sent at most once.
    ///
    /// # Errors
    /// `NotFound` without a grant; `Conflict` while artifacts refer to the bucket: the text says how many.
    pub async fn disconnect(&self) -> Result<()> {
        let call = self.workspace.call(DISCONNECT, Method::DELETE, &["byo-storage", "grants"])?;
        self.workspace.send(&call).await
    }

    /// Registers one object of the bucket as an artifact. No byte is copied: EdgeGate makes one HeadObject.
    ///
    /// `POST …/artifacts/byo`, admin. Sent at most once.
    ///
    /// # Errors
    /// A [`ByoFault`](crate::ByoFault): no active grant, another bucket than the grant's, another size than
    /// expected, or what AWS said to the HEAD.
    pub fn register_artifact(&self, uri: impl TryInto<S3Uri, Error: Into<Error>>) -> RegisterArtifact {
        RegisterArtifact::new(self.workspace.clone(), taken(uri))
    }

    /// The log of every STS, S3 and KMS call that EdgeGate made for this workspace.
    ///
    /// `GET …/byo-storage/audit`, admin. Await it for one page, or read it as a
    /// [`stream`](ListAudit::stream) over all pages.
    pub fn audit(&self) -> ListAudit {
        ListAudit::new(self.workspace.clone())
    }
}

/// The published service words a missing workspace and a missing grant alike by status.
fn misses_the_workspace(error: &Error) -> bool {
    let words = error.refusal().map(|refusal| refusal.detail().to_string().to_lowercase()).unwrap_or_default();
    words.contains("workspace") && !words.contains("grant")
}
