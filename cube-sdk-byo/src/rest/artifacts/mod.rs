//! Artifacts: models, bundles and what else EdgeGate keeps or points to.

mod artifact;
mod download;
mod register;

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result};
use http::Method;

pub use artifact::{Artifact, ArtifactKind};
pub use download::Download;
pub use register::RegisterArtifact;

use super::api::InWorkspace;
use super::operations::DELETE_ARTIFACT;
use crate::ids::ArtifactId;

/// The artifacts of one workspace.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_core::ErrorKind;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(204);
/// # let asked = wiremock::matchers::path_regex("/artifacts/7be0");
/// # wiremock::Mock::given(wiremock::matchers::method("DELETE")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let artifacts = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").artifacts();
/// artifacts.delete("7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77").await?;
/// let refused = artifacts.delete("not an id").await.unwrap_err(); // nothing was sent
/// assert_eq!(refused.kind(), ErrorKind::InvalidInput);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Artifacts {
    workspace: InWorkspace,
}

impl Artifacts {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace }
    }

    /// Deletes an artifact's row. The object in the customer's bucket is not touched, and runs keep their
    /// bundles.
    ///
    /// `DELETE …/artifacts/{artifact}`. Sent at most once.
    ///
    /// # Errors
    /// `NotFound` when there is no such artifact.
    pub async fn delete(&self, id: impl TryInto<ArtifactId, Error: Into<Error>>) -> Result<()> {
        let id = taken(id)?;
        let call = self.workspace.call(DELETE_ARTIFACT, Method::DELETE, &["artifacts", &id.to_string()])?;
        self.workspace.send(&call).await
    }

    /// The bytes of an artifact in EdgeGate's own storage, such as a run's bundle, as they arrive.
    ///
    /// `GET …/artifacts/{artifact}/download`; for large objects EdgeGate answers with a redirect to an
    /// object store, which is followed once and without the key. Repeated when it fails before the first
    /// byte is handed on.
    ///
    /// # Errors
    /// `NotFound` when there is no such artifact.
    pub async fn download(&self, id: impl TryInto<ArtifactId, Error: Into<Error>>) -> Result<Download> {
        let id = taken(id)?;
        download::start(&self.workspace, id).await
    }
}
