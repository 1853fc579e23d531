//! First phase of two: mint the External ID, then hand out the documents to create the role with.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};

use super::Byo;
use super::attach::AttachRole;
use super::grant::{Grant, GrantStatus};
use super::register::GrantBody;
use super::setup_info::SetupInfo;
use crate::arn::{KmsKeyArn, RoleArn};
use crate::iam::{ReaderRole, RoleName};
use crate::region::Region;
use crate::rest::operations::CREATE_PENDING_GRANT;
use crate::s3_uri::Bucket;

/// Starts the two-phase set-up: see [`Byo::setup`]. Await it to send.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"edgegate_aws_account_id": "123456789012",
/// #     "edgegate_principal_arn": "arn:aws:iam::123456789012:user/edgegate-worker"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/setup-info$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "pending_role",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": null,
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let setup = byo.setup("acme-models", "eu-central-1").role_name("edge-reader").await?;
/// let policy = setup.role.trust_policy().to_string(); // or aws_cli(), cloudformation(), terraform()
/// assert!(policy.contains(setup.grant.external_id.as_str()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct SetupGrant {
    byo: Byo,
    body: Result<GrantBody>,
    role_name: Option<Result<RoleName>>,
}

/// A pending grant, and the documents to create its role with.
///
/// Next: create the role ([`role`](Self::role) renders it for CloudFormation, Terraform and the AWS CLI),
/// then [`attach_role`](Self::attach_role).
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"edgegate_aws_account_id": "123456789012",
/// #     "edgegate_principal_arn": "arn:aws:iam::123456789012:user/edgegate-worker"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/setup-info$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "pending_role",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": null,
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "active",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": "arn:aws:iam::210987654321:role/reader",
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants/attach-role$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let setup = byo.setup("acme-models", "eu-central-1").await?;
/// println!("{}", setup.role.aws_cli().create_role_script()); // run it in the customer's account
/// let grant = setup.attach_role("arn:aws:iam::210987654321:role/reader").await?;
/// assert!(grant.is_active());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setup {
    /// The pending grant.
    pub grant: Grant,
    /// What EdgeGate told about itself.
    pub info: SetupInfo,
    /// The role to create, as data: it renders policies, templates and commands.
    pub role: ReaderRole,
    /// True when the pending grant existed before this call.
    pub reused: bool,
    byo: Byo,
}

impl SetupGrant {
    pub(crate) fn new(byo: Byo, bucket: Result<Bucket>, region: Result<Region>) -> Self {
        Self { byo, body: GrantBody::new(None, bucket, region), role_name: None }
    }

    /// The KMS key of the objects, for SSE-KMS with a customer key; it lives in the bucket's region.
    pub fn kms_key(mut self, key: impl TryInto<KmsKeyArn, Error: Into<Error>>) -> Self {
        self.body = self.body.and_then(|body| body.kms_key(taken(key)));
        self
    }

    /// The role's name. Default: `edgegate-byo-read-` and the External ID's first eight characters.
    pub fn role_name(mut self, name: impl TryInto<RoleName, Error: Into<Error>>) -> Self {
        self.role_name = Some(taken(name));
        self
    }

    async fn send(self) -> Result<Setup> {
        let (body, role_name) = (self.body?, self.role_name.transpose()?);
        body.check()?;
        let info = self.byo.setup_info().await?;
        let principal = info.principal()?;
        let (grant, reused) = match body.post(&self.byo.workspace).await {
            Ok(grant) => (grant, false),
            Err(error) if error.kind() == ErrorKind::Conflict => (pending(&self.byo, &body, error).await?, true),
            Err(error) => return Err(error),
        };
        let mut role = ReaderRole::new(principal, grant.external_id.clone(), body.bucket)
            .workspace(self.byo.workspace.id.clone()?);
        if let Some(key) = body.kms_key_id {
            role = role.kms_key(key);
        }
        if let Some(name) = role_name {
            role = role.name(name);
        }
        Ok(Setup { grant, info, role, reused, byo: self.byo })
    }
}

/// The grant behind a 409, when it is the pending one that was asked for.
async fn pending(byo: &Byo, body: &GrantBody, conflict: Error) -> Result<Grant> {
    let Some(grant) = byo.find_grant().await? else { return Err(conflict) };
    if grant.status != GrantStatus::PendingRole {
        return Err(refused(conflict, format!("the workspace has a grant that is {}", grant.status)));
    }
    let asked = (body.bucket.as_str(), body.region.as_str(), body.kms_key_id.as_ref());
    let asked = (asked.0, asked.1, asked.2.map(KmsKeyArn::as_str));
    let has = (grant.bucket.as_str(), grant.region.as_str(), grant.kms_key_id.as_deref().filter(|k| !k.is_empty()));
    if asked == has {
        return Ok(grant);
    }
    let words = format!("the workspace's pending grant is for {}, not for {}", place(has), place(asked));
    Err(refused(conflict, words))
}

fn place((bucket, region, key): (&str, &str, Option<&str>)) -> String {
    match key {
        Some(key) => format!("s3://{bucket} in {region} with key {key}"),
        None => format!("s3://{bucket} in {region} without a key"),
    }
}

/// The 409, told with what stands in the way. Nothing was changed.
fn refused(conflict: Error, words: String) -> Error {
    let mut error = Error::new(ErrorKind::Conflict, words)
        .with_operation(CREATE_PENDING_GRANT)
        .with_retry(conflict.retry())
        .with_request_id(conflict.request_id());
    if let Some(status) = conflict.status() {
        error = error.with_status(status);
    }
    if let Some(target) = conflict.target() {
        error = error.with_target(target);
    }
    if let Some(step) = conflict.next_step() {
        error = error.advice(step);
    }
    error.cause(conflict)
}

impl Setup {
    /// Second phase: names the role that was created. As [`Byo::attach_role`].
    pub fn attach_role(&self, role: impl TryInto<RoleArn, Error: Into<Error>>) -> AttachRole {
        self.byo.attach_role(role)
    }

    /// The workspace's storage, for what follows.
    pub fn byo(&self) -> &Byo {
        &self.byo
    }
}

awaitable!(SetupGrant => Setup);
