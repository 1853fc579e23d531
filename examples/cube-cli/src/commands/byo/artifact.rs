//! `cube byo register`: an object of the bucket as an artifact.

use anyhow::Result;
use clap::Args;
use cube_render::artifacts::ArtifactShown;
use cube_sdk::byo::rest::ArtifactKind;

use super::Workspace;
use crate::context::{Context, given};

/// Register an object of the customer's bucket, for runs
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo register s3://acme-models/resnet.onnx\n  \
                        cube byo register s3://acme-models/resnet.onnx --sha256 9f86d081884c7d65…")]
pub(crate) struct Register {
    #[command(flatten)]
    workspace: Workspace,
    /// The object, s3://BUCKET/KEY
    object: String,
    /// The SHA-256 that it must have, 64 hex digits
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// The size that it must have, in bytes
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,
    /// What it is
    #[arg(long, default_value = "model", value_parser = ["model", "reference", "eval-set", "other"])]
    kind: String,
    /// The name to show for it
    #[arg(long)]
    filename: Option<String>,
}

impl Register {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self { workspace, object, sha256, size, kind, filename } = self;
        let call = workspace.byo(context)?.register_artifact(object).kind(ArtifactKind::from(kind.as_str()));
        let call = given!(call, expected_sha256 = sha256, expected_size = size, original_filename = filename);
        let shown = ArtifactShown::from(&call.await?);
        context.output().view("byo register", &shown)
    }
}
