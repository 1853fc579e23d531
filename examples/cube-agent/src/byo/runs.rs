//! Runs of pipelines.

use cube_render::errors::Failure;
use cube_render::runs::{RunShown, Started};
use cube_sdk::ErrorKind;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Call, Done, Effect, Tool};

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("edgegate_run_gate", Effect::Writes, run).about(
            "Start a run",
            "Starts a run of a pipeline that exists. A workspace runs one at a time. Look at it with \
             edgegate_check_status.",
        ),
        Tool::new("edgegate_check_status", Effect::Reads, status).about(
            "State of a run",
            "Tells how far a run is, and how it ended: metrics, gates, verdict, and what to do about a failure.",
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Run {
    /// The workspace, a UUID.
    workspace_id: String,
    /// The pipeline, a UUID.
    pipeline_id: String,
    /// The model, for a pipeline without a model matrix: an artifact's UUID.
    #[serde(default)]
    model_artifact_id: Option<String>,
}

async fn run(call: Call, asked: Run) -> Done<Started> {
    let runs = call.cube.edgegate()?.workspace(&asked.workspace_id).runs();
    let request = runs.trigger(asked.pipeline_id.as_str());
    let request = match &asked.model_artifact_id {
        Some(model) => request.model(model.as_str()),
        None => request,
    };
    let started = request.await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => Failure::from(&error)
            .next("another run is in flight, and a workspace runs one at a time: wait for its end or cancel it"),
        _ => Failure::from(&error),
    })?;
    Ok(Started::new(&started, &asked.workspace_id))
}

#[derive(Deserialize, JsonSchema)]
struct Look {
    /// The workspace, a UUID.
    workspace_id: String,
    /// The run, a UUID.
    run_id: String,
}

async fn status(call: Call, Look { workspace_id, run_id }: Look) -> Done<RunShown> {
    let run = call.cube.edgegate()?.workspace(workspace_id).runs().get(run_id.as_str()).await?;
    Ok(RunShown::from(&run))
}
