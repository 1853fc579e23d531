//! Runs of a workspace.

mod gate;
mod list;
mod run;
mod trigger;

use std::time::Duration;

use cube_sdk_core::names::taken;
use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, Result};
use http::Method;
use serde::{Deserialize, Serialize};

pub use gate::{CompositionGate, ComputeUnit, Gate, GateMetric, GateOperator, MetricGate};
pub use list::ListRuns;
pub use run::{Bundle, Cell, CellStatus, GateResult, GatesEval, Metrics, RunDetail, RunStatus, RunSummary, RunTrigger};
pub use trigger::TriggerRun;

use super::api::InWorkspace;
use super::operations::{CANCEL_RUN, GET_BUNDLE, GET_RUN};
use crate::ids::{PipelineId, RunId};

/// Time between two looks at a run: it takes minutes per device.
const INTERVAL: Duration = Duration::from_secs(5);

/// The runs of one workspace. It runs one at a time, unless EdgeGate's operator allows more.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::rest::RunStatus;
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
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "e1c3a0b9-2f66-4f2b-8a44-5b0c9f1d8e20",
/// #     "pipeline_id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "pipeline_name": "gate", "status": "passed",
/// #     "trigger": "manual", "created_at": "2026-07-01T09:10:00Z", "updated_at": "2026-07-01T09:15:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/runs/e1c3");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let runs = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").runs();
/// let run = runs.trigger("3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2").model("7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77").await?;
/// let run = runs.wait(run.id).timeout(Duration::from_secs(3600)).await?; // dropping it leaves the run alone
/// assert_eq!(run.summary.status, RunStatus::Passed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Runs {
    workspace: InWorkspace,
}

/// The reply to a cancellation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CancelledRun {
    /// The run.
    pub run_id: RunId,
    /// Its state now.
    pub status: RunStatus,
}

impl Runs {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace }
    }

    /// Starts a run of a pipeline.
    ///
    /// `POST …/runs`, admin. Sent at most once.
    ///
    /// # Errors
    /// `Conflict` when another run is in flight; `NotFound` for an unknown pipeline or artifact.
    pub fn trigger(&self, pipeline: impl TryInto<PipelineId, Error: Into<Error>>) -> TriggerRun {
        TriggerRun::new(self.workspace.clone(), taken(pipeline))
    }

    /// One run, with its results.
    ///
    /// `GET …/runs/{run}`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `NotFound` when there is no such run.
    pub async fn get(&self, id: impl TryInto<RunId, Error: Into<Error>>) -> Result<RunDetail> {
        let id = taken(id)?;
        let call = self.workspace.call(GET_RUN, Method::GET, &["runs", &id.to_string()])?;
        self.workspace.json(&call).await
    }

    /// The newest runs.
    ///
    /// `GET …/runs`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `InvalidInput` for a limit of 0, before anything is sent; those of any read.
    pub fn list(&self) -> ListRuns {
        ListRuns::new(self.workspace.clone())
    }

    /// The evidence of a run that ended.
    ///
    /// `GET …/runs/{run}/bundle`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `Conflict` while the run goes on; `NotFound` until the bundle is made, 1 to 2 minutes after the end.
    pub async fn bundle(&self, id: impl TryInto<RunId, Error: Into<Error>>) -> Result<Bundle> {
        let id = taken(id)?;
        let call = self.workspace.call(GET_BUNDLE, Method::GET, &["runs", &id.to_string(), "bundle"])?;
        self.workspace.json(&call).await
    }

    /// Cancels a run, which frees the workspace for the next.
    ///
    /// `POST …/runs/{run}/cancel`, admin. Sent at most once.
    ///
    /// # Errors
    /// `Conflict` when the run has ended already; `NotFound` when there is no such run.
    pub async fn cancel(&self, id: impl TryInto<RunId, Error: Into<Error>>) -> Result<CancelledRun> {
        let id = taken(id)?;
        let call = self.workspace.call(CANCEL_RUN, Method::POST, &["runs", &id.to_string(), "cancel"])?;
        self.workspace.json(&call).await
    }

    /// Looks at a run every 5 s until it ends, well or badly. No limit of its own: set one with
    /// [`Waiter::timeout`]. Dropping it leaves the run alone; wait again by the id.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); a run that failed is an answer, not an error.
    pub fn wait(&self, id: impl TryInto<RunId, Error: Into<Error>>) -> Waiter<RunDetail> {
        let (runs, id) = (self.clone(), taken(id));
        let waited = id.as_ref().map_or_else(|_| "a run".to_owned(), |id: &RunId| format!("run {id}"));
        let look = move || {
            let (runs, id) = (runs.clone(), id.clone());
            async move { runs.get(id?).await }
        };
        let judge = |run: &RunDetail| if run.summary.has_ended() { Progress::Done } else { Progress::Running };
        Waiter::new(waited, INTERVAL, look, judge)
    }
}
