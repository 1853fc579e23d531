//! Starting a run.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, awaitable};
use http::Method;
use serde::Serialize;

use super::run::{RunSummary, RunTrigger};
use crate::ids::{ArtifactId, PipelineId};
use crate::rest::api::InWorkspace;
use crate::rest::operations::TRIGGER_RUN;

#[derive(Clone, Debug, Serialize)]
struct Body {
    pipeline_id: PipelineId,
    trigger: RunTrigger,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_artifact_id: Option<ArtifactId>,
}

/// Starts a run: see [`Runs::trigger`](super::Runs::trigger). Await it to send.
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct TriggerRun {
    workspace: InWorkspace,
    body: Result<Body>,
}

impl TriggerRun {
    pub(crate) fn new(workspace: InWorkspace, pipeline: Result<PipelineId>) -> Self {
        let body =
            pipeline.map(|pipeline_id| Body { pipeline_id, trigger: RunTrigger::Manual, model_artifact_id: None });
        Self { workspace, body }
    }

    /// The model, for a pipeline without a model matrix.
    pub fn model(mut self, artifact: impl TryInto<ArtifactId, Error: Into<Error>>) -> Self {
        self.body = self.body.and_then(|body| Ok(Body { model_artifact_id: Some(taken(artifact)?), ..body }));
        self
    }

    /// What starts it. Default: [`RunTrigger::Manual`].
    pub fn trigger(mut self, trigger: RunTrigger) -> Self {
        self.body = self.body.map(|body| Body { trigger, ..body });
        self
    }

    async fn send(self) -> Result<RunSummary> {
        let call = self.workspace.call(TRIGGER_RUN, Method::POST, &["runs"])?.json(&self.body?)?;
        self.workspace.json(&call).await
    }
}

awaitable!(TriggerRun => RunSummary);
