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

/// The runs of one workspace. A workspace runs one at a time.
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
