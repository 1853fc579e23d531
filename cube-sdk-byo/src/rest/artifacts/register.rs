//! Registering one object of the customer's bucket as an artifact.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, awaitable};
use http::Method;
use serde::Serialize;

use super::artifact::{Artifact, ArtifactKind};
use crate::digest::Sha256;
use crate::rest::api::InWorkspace;
use crate::rest::operations::REGISTER_ARTIFACT;
use crate::rest::request::refuse;
use crate::s3_uri::S3Uri;

#[derive(Clone, Debug, Serialize)]
struct Body {
    s3_uri: S3Uri,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ArtifactKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_filename: Option<String>,
}

/// Registers an object: see [`Byo::register_artifact`](crate::rest::Byo::register_artifact). Await it to send.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77", "kind": "model",
/// #     "sha256": "", "size_bytes": 14_012_345, "storage_url": "byo-s3://acme-models/vision/net.onnx",
/// #     "created_at": "2026-07-01T09:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/artifacts/byo$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let model = byo
///     .register_artifact("s3://acme-models/vision/net.onnx")
///     .expected_sha256("4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a")
///     .expected_size(14_012_345)
///     .await?;
/// assert!(model.is_byo());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct RegisterArtifact {
    workspace: InWorkspace,
    body: Result<Body>,
}

impl RegisterArtifact {
    pub(crate) fn new(workspace: InWorkspace, uri: Result<S3Uri>) -> Self {
        let body = uri.map(|s3_uri| Body {
            s3_uri,
            expected_sha256: None,
            expected_size: None,
            kind: None,
            original_filename: None,
        });
        Self { workspace, body }
    }

    /// The digest of the object. Recommended: each later read is checked against it, and a mismatch fails
    /// with `BYO_INTEGRITY_MISMATCH`. Registration itself reads no byte and checks no digest.
    pub fn expected_sha256(mut self, digest: impl TryInto<Sha256, Error: Into<Error>>) -> Self {
        self.body = self.body.and_then(|body| Ok(Body { expected_sha256: Some(taken(digest)?), ..body }));
        self
    }

    /// The size of the object in bytes, more than 0. Checked at registration.
    pub fn expected_size(mut self, bytes: u64) -> Self {
        self.body = self.body.map(|body| Body { expected_size: Some(bytes), ..body });
        self
    }

    /// What the object is. EdgeGate's default: [`ArtifactKind::Model`].
    pub fn kind(mut self, kind: ArtifactKind) -> Self {
        self.body = self.body.map(|body| Body { kind: Some(kind), ..body });
        self
    }

    /// The name to show for it. Default: none.
    pub fn original_filename(mut self, name: impl Into<String>) -> Self {
        self.body = self.body.map(|body| Body { original_filename: Some(name.into()), ..body });
        self
    }

    async fn send(self) -> Result<Artifact> {
        let body = self.body?;
        if body.expected_size == Some(0) {
            return Err(refuse("expected_size", "it must be more than 0 bytes"));
        }
        let call = self.workspace.call(REGISTER_ARTIFACT, Method::POST, &["artifacts", "byo"])?.json(&body)?;
        self.workspace.json(&call).await
    }
}

awaitable!(RegisterArtifact => Artifact);
