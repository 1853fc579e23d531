//! One artifact, as EdgeGate tells it.

use cube_sdk_core::{Result, Timestamp, open_enum};
use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::ids::ArtifactId;
use crate::s3_uri::S3Uri;

open_enum! {
    /// What an artifact is.
    pub enum ArtifactKind {
        /// A model.
        Model = "model",
        /// The evidence of a run.
        Bundle = "bundle",
        /// A reference capture.
        Reference = "reference",
        /// An evaluation set.
        EvalSet = "eval-set",
        /// Something else.
        Other = "other",
    }
}

/// A model or another object that EdgeGate knows: in the customer's bucket, or in its own storage.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Artifact {
    /// Its id: `model_artifact_id` of a run, `artifact_id` in a pipeline's model matrix.
    pub id: ArtifactId,
    /// What it is.
    pub kind: ArtifactKind,
    /// The digest as EdgeGate tells it: empty for a BYO object that was registered without one. See
    /// [`digest`](Self::digest).
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub sha256: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The name given to it.
    #[serde(default)]
    pub original_filename: Option<String>,
    /// `s3://…` for EdgeGate's own storage, `byo-s3://bucket/key` for the customer's.
    pub storage_url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is deleted; none = never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Artifact {
    /// The digest; none when EdgeGate knows none: show such an artifact as not verified.
    pub fn digest(&self) -> Option<Sha256> {
        self.sha256.parse().ok()
    }

    /// True when the bytes stay in the customer's bucket.
    pub fn is_byo(&self) -> bool {
        self.storage_url.starts_with("byo-s3://")
    }

    /// Where the bytes are in the customer's bucket.
    ///
    /// # Errors
    /// `InvalidInput` when the artifact is kept in EdgeGate's own storage.
    pub fn s3_uri(&self) -> Result<S3Uri> {
        S3Uri::from_storage_url(&self.storage_url)
    }
}
