//! Listing runs.

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, awaitable};
use http::Method;

use super::run::RunSummary;
use crate::ids::PipelineId;
use crate::rest::api::InWorkspace;
use crate::rest::operations::LIST_RUNS;
use crate::rest::request::refuse;

/// Lists runs, newest first: see [`Runs::list`](super::Runs::list). Await it to send.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!([{"id": "e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20",
/// #     "pipeline_id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "pipeline_name": "gate", "status": "failed",
/// #     "trigger": "manual", "created_at": "2026-07-01T09:10:00Z", "updated_at": "2026-07-01T09:15:00Z"}]);
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/runs$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let runs = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").runs();
/// for run in runs.list().pipeline("3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2").limit(5).await? {
///     println!("{} {}", run.created_at, run.status);
///     assert!(run.has_ended());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ListRuns {
    workspace: InWorkspace,
    limit: Option<u32>,
    pipeline: Option<Result<PipelineId>>,
}

impl ListRuns {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace, limit: None, pipeline: None }
    }

    /// Runs at most, 1 or more. Default 20; servers may cap it.
    pub fn limit(mut self, runs: u32) -> Self {
        self.limit = Some(runs);
        self
    }

    /// Runs of this pipeline only.
    pub fn pipeline(mut self, id: impl TryInto<PipelineId, Error: Into<Error>>) -> Self {
        self.pipeline = Some(taken(id));
        self
    }

    async fn send(self) -> Result<Vec<RunSummary>> {
        let limit = self.limit.unwrap_or(20);
        if limit == 0 {
            return Err(refuse("limit", "it must be 1 or more"));
        }
        let mut call = self.workspace.call(LIST_RUNS, Method::GET, &["runs"])?.query("limit", limit);
        if let Some(id) = self.pipeline {
            call = call.query("pipeline_id", id?);
        }
        self.workspace.json(&call).await
    }
}

awaitable!(ListRuns => Vec<RunSummary>);
