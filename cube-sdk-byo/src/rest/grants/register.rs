//! Registering a grant with a role that exists.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, awaitable};
use http::Method;
use serde::Serialize;

use super::grant::Grant;
use crate::arn::{KmsKeyArn, RoleArn};
use crate::region::Region;
use crate::rest::api::InWorkspace;
use crate::rest::operations::{CREATE_PENDING_GRANT, REGISTER_GRANT};
use crate::rest::request::refuse;
use crate::s3_uri::Bucket;

/// The body of `POST …/grants`; the presence of a role decides between the two forms.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GrantBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<RoleArn>,
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<KmsKeyArn>,
}

impl GrantBody {
    pub(crate) fn new(role: Option<Result<RoleArn>>, bucket: Result<Bucket>, region: Result<Region>) -> Result<Self> {
        Ok(Self { role_arn: role.transpose()?, bucket: bucket?, region: region?, kms_key_id: None })
    }

    pub(crate) fn kms_key(self, key: Result<KmsKeyArn>) -> Result<Self> {
        Ok(Self { kms_key_id: Some(key?), ..self })
    }

    /// S3 encrypts with keys of the bucket's own region only (Amazon S3 user guide, "Using SSE-KMS").
    pub(crate) fn check(&self) -> Result<()> {
        match &self.kms_key_id {
            Some(key) if key.region() != self.region.as_str() => {
                Err(refuse("KMS key", format_args!("it lives in {}, the bucket in {}", key.region(), self.region))
                    .advice("give the key of the bucket's region: S3 uses no key of another"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn post(&self, workspace: &InWorkspace) -> Result<Grant> {
        let operation = if self.role_arn.is_some() { REGISTER_GRANT } else { CREATE_PENDING_GRANT };
        let call = workspace.call(operation, Method::POST, &["byo-storage", "grants"])?.json(self)?;
        workspace.json(&call).await
    }
}

/// Registers a grant in one phase: see [`Byo::register`](super::Byo::register). Await it to send.
///
/// ```
/// use cube_sdk_byo::{ByoCode, EdgeGate};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01", "bucket": "acme-models",
/// #     "workspace_id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "region": "eu-central-1", "status": "failed",
/// #     "external_id": "c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90", "role_arn": "arn:aws:iam::210987654321:role/reader",
/// #     "last_verify_error": "BYO_ASSUME_ROLE_FAILED",
/// #     "created_at": "2026-07-01T08:00:00Z", "updated_at": "2026-07-01T08:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/grants$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let grant = byo.register("arn:aws:iam::210987654321:role/reader", "acme-models", "eu-central-1").await?;
/// // The role cannot know the External ID yet: put it into the trust policy, then wait_until_active.
/// assert_eq!(grant.failure().unwrap().code(), &ByoCode::AssumeRoleFailed);
/// println!("sts:ExternalId = {}", grant.external_id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct RegisterGrant {
    workspace: InWorkspace,
    body: Result<GrantBody>,
}

impl RegisterGrant {
    pub(crate) fn new(
        workspace: InWorkspace,
        role: Result<RoleArn>,
        bucket: Result<Bucket>,
        region: Result<Region>,
    ) -> Self {
        Self { workspace, body: GrantBody::new(Some(role), bucket, region) }
    }

    /// The KMS key of the objects, for SSE-KMS with a customer key; it lives in the bucket's region.
    pub fn kms_key(mut self, key: impl TryInto<KmsKeyArn, Error: Into<Error>>) -> Self {
        self.body = self.body.and_then(|body| body.kms_key(taken(key)));
        self
    }

    async fn send(self) -> Result<Grant> {
        let body = self.body?;
        body.check()?;
        body.post(&self.workspace).await
    }
}

awaitable!(RegisterGrant => Grant);
