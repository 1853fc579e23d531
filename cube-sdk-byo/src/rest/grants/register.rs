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
