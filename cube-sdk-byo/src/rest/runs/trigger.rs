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
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::rest::RunTrigger;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20",
/// #     "pipeline_id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "pipeline_name": "gate", "status": "queued",
/// #     "trigger": "manual", "created_at": "2026-07-01T09:10:00Z", "updated_at": "2026-07-01T09:15:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/runs$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let runs = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").runs();
/// let pipeline = "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2";
/// let run = runs.trigger(pipeline).model("7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77").trigger(RunTrigger::Ci).await?;
/// assert!(!run.has_ended()); // runs.wait(run.id) looks at it until it has
/// # Ok(())
/// # }
/// ```
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
