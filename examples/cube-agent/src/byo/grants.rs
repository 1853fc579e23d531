//! The grant of a workspace, and the objects of its bucket.

use cube_render::artifacts::ArtifactShown;
use cube_render::errors::Failure;
use cube_render::grants::{Checked, Disconnected, GrantShown, Registered};
use cube_sdk::byo::rest::{ArtifactKind, Byo};
use cube_sdk::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("edgegate_register_byo_bucket", Effect::Writes, register).about(
            "Register a bucket",
            "Registers a bucket and a role that exist in the customer's AWS account as the workspace's storage. It answers \
             with the External ID that the role's trust policy must demand. It never rotates or removes a grant.",
        ),
        Tool::new("edgegate_check_byo_bucket", Effect::Writes, check).idempotent().about(
            "Probe the bucket",
            "Probes the workspace's bucket now and shows the grant, with what to fix where the probe failed.",
        ),
        Tool::new("edgegate_register_byo_artifact", Effect::Writes, artifact).about(
            "Register an object",
            "Registers an object of the workspace's bucket, such as a model, so that pipelines can read it. No byte is copied.",
        ),
        Tool::new("edgegate_disconnect_byo_bucket", Effect::Destroys, disconnect).idempotent().about(
            "Remove the grant",
            "Removes the workspace's grant: EdgeGate assumes the role no more, and runs cannot read the bucket. Refused \
             while artifacts refer to the bucket.",
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Register {
    /// The workspace, a UUID.
    workspace_id: String,
    /// The role that EdgeGate is to assume: arn:aws:iam::ACCOUNT:role/NAME.
    role_arn: String,
    /// The bucket's name.
    bucket: String,
    /// The bucket's region, such as eu-central-1.
    region: String,
    /// The KMS key of the objects, for SSE-KMS with a customer key.
    #[serde(default)]
    kms_key_id: Option<String>,
}

async fn register(call: Call, asked: Register) -> Done<Registered> {
    let byo = call.cube.edgegate()?.workspace(&asked.workspace_id).byo();
    let request = byo.register(asked.role_arn.as_str(), asked.bucket.as_str(), asked.region.as_str());
    let request = match &asked.kms_key_id {
        Some(key) => request.kms_key(key.as_str()),
        None => request,
    };
    call.tell.say("registering; EdgeGate probes the bucket");
    let grant = request.await.map_err(|error| exists(&error, &asked.workspace_id))?;
    Ok(Registered { grant: GrantShown::from(&grant) })
}

/// A grant that is there already is left alone.
fn exists(error: &Error, workspace: &str) -> Failure {
    let failure = Failure::from(error);
    if error.kind() != ErrorKind::Conflict {
        return failure;
    }
    failure.next(format!(
        "the workspace has a grant; nothing was changed or rotated. Either look at it with edgegate_check_byo_bucket, or \
         remove it with edgegate_disconnect_byo_bucket (refused while artifacts refer to it) and register again. The \
         External ID alone is rotated on the dashboard: {}",
        dashboard(workspace)
    ))
}

fn dashboard(workspace: &str) -> String {
    format!("https://edgegate.frozo.ai/workspace/{workspace}/settings#byo-storage")
}

#[derive(Deserialize, JsonSchema)]
struct InWorkspace {
    /// The workspace, a UUID.
    workspace_id: String,
}

async fn check(call: Call, InWorkspace { workspace_id }: InWorkspace) -> Done<Checked> {
    let byo = call.cube.edgegate()?.workspace(&workspace_id).byo();
    call.tell.say("EdgeGate probes the bucket");
    match byo.verify().await {
        Ok(grant) => Ok(Checked { grant: Some(GrantShown::from(&grant)) }),
        Err(error) => none_there(&byo, error).await.map(|()| Checked { grant: None }),
    }
}

async fn disconnect(call: Call, InWorkspace { workspace_id }: InWorkspace) -> Done<Disconnected> {
    let byo = call.cube.edgegate()?.workspace(&workspace_id).byo();
    match byo.disconnect().await {
        Ok(()) => Ok(Disconnected { removed: true }),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(Failure::from(&error).next(format!(
            "artifacts still refer to the bucket. Either keep the grant, and rotate the External ID on the dashboard if \
             that was the wish ({}), or delete the BYO artifacts there and call this again; the evidence of old runs stays",
            dashboard(&workspace_id)
        ))),
        Err(error) => none_there(&byo, error).await.map(|()| Disconnected { removed: false }),
    }
}

/// That there is no grant is an answer; that there is no workspace is none.
async fn none_there(byo: &Byo, error: Error) -> Done<()> {
    if error.kind() == ErrorKind::NotFound && byo.find_grant().await?.is_none() {
        return Ok(());
    }
    Err(error.into())
}

#[derive(Deserialize, JsonSchema)]
struct Artifact {
    /// The workspace, a UUID.
    workspace_id: String,
    /// The object: s3://BUCKET/KEY, in the workspace's bucket.
    s3_uri: String,
    /// Its SHA-256, 64 lower-case hex digits: each read is then checked against it.
    #[serde(default)]
    expected_sha256: Option<String>,
    /// Its size in bytes, checked now.
    #[serde(default)]
    expected_size: Option<u64>,
    /// What it is; a model unless told otherwise.
    #[serde(default)]
    kind: Option<String>,
    /// The name to show for it.
    #[serde(default)]
    original_filename: Option<String>,
}

async fn artifact(call: Call, asked: Artifact) -> Done<ArtifactShown> {
    let byo = call.cube.edgegate()?.workspace(&asked.workspace_id).byo();
    let mut request = byo.register_artifact(asked.s3_uri.as_str());
    if let Some(digest) = &asked.expected_sha256 {
        request = request.expected_sha256(digest.as_str());
    }
    if let Some(size) = asked.expected_size {
        request = request.expected_size(size);
    }
    if let Some(kind) = &asked.kind {
        request = request.kind(ArtifactKind::from(kind.as_str()));
    }
    if let Some(name) = asked.original_filename {
        request = request.original_filename(name);
    }
    Ok(ArtifactShown::from(&request.await?))
}
