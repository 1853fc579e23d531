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
