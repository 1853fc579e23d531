//! Artifacts.

use cube_sdk::byo::rest::Artifact;
use schemars::JsonSchema;
use serde::Serialize;

use crate::table::grouped;
use crate::{Step, View};

/// An artifact.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ArtifactShown {
    /// Its id.
    pub artifact_id: String,
    /// What it is: `model`, or another kind.
    pub kind: String,
    /// Where its bytes are.
    pub storage_url: String,
    /// How many they are.
    pub size_bytes: u64,
    /// Their digest; none where nobody told it.
    pub sha256: Option<String>,
    /// The name given to it.
    pub original_filename: Option<String>,
    /// The bytes stay in the customer's bucket.
    pub byo: bool,
}

impl From<&Artifact> for ArtifactShown {
    fn from(artifact: &Artifact) -> Self {
        Self {
            artifact_id: artifact.id.to_string(),
            kind: artifact.kind.to_string(),
            storage_url: artifact.storage_url.clone(),
            size_bytes: artifact.size_bytes,
            sha256: artifact.digest().map(|digest| digest.to_string()),
            original_filename: artifact.original_filename.clone(),
            byo: artifact.is_byo(),
        }
    }
}

impl View for ArtifactShown {
    const NAME: &'static str = "byo.artifact";

    fn text(&self) -> String {
        let mut lines = vec![
            format!("artifact_id: {}", self.artifact_id),
            format!("storage URL: {}", self.storage_url),
            format!("kind: {}", self.kind),
            format!("size: {} bytes", grouped(self.size_bytes)),
            format!("sha256: {}", self.sha256.as_deref().unwrap_or("not known: reads are not checked against it")),
            format!("filename: {}", self.original_filename.as_deref().unwrap_or("none")),
        ];
        if self.byo {
            lines.insert(0, "Registered. The bytes stay in the customer's account.".to_owned());
            lines.push("The worker reads it by AssumeRole and GetObject.".to_owned());
        }
        lines.join("\n")
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::RunGate]
    }
}
