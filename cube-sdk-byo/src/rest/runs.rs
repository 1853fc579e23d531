//! Runs of a workspace.

use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Result, awaitable};
use http::Method;
use serde::{Deserialize, Serialize};

use super::operations::{CANCEL_RUN, GET_BUNDLE, GET_RUN, LIST_RUNS};
use super::request::refuse;
use super::{Bundle, PipelineId, RunDetail, RunId, RunStatus, RunSummary, TriggerRun, WorkspaceScope};

/// Time between two looks at a run: it takes minutes per device.
const INTERVAL: Duration = Duration::from_secs(5);

/// The runs of one workspace. A workspace runs one at a time.
#[derive(Clone, Debug)]
pub struct Runs {
    workspace: WorkspaceScope,
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
    pub(crate) fn new(workspace: WorkspaceScope) -> Self {
        Self { workspace }
    }

    /// Starts a run of a pipeline.
    ///
    /// `POST …/runs`, admin. Sent at most once.
    ///
    /// # Errors
    /// `Conflict` when another run is in flight; `NotFound` for an unknown pipeline or artifact.
    pub fn trigger(&self, pipeline: PipelineId) -> TriggerRun {
        TriggerRun::new(self.workspace.clone(), pipeline)
    }

    /// One run, with its results.
    ///
    /// `GET …/runs/{run}`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `NotFound` when there is no such run.
    pub async fn get(&self, id: RunId) -> Result<RunDetail> {
        let call = self.workspace.call(GET_RUN, Method::GET, &["runs", &id.to_string()]);
        self.workspace.edgegate().engine().json(&call).await
    }

    /// The newest runs.
    ///
    /// `GET …/runs`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `InvalidInput` for a limit of 0, before anything is sent; those of any read.
    pub fn list(&self) -> ListRuns {
        ListRuns { workspace: self.workspace.clone(), limit: None, pipeline: None }
    }

    /// The evidence of a run that ended.
    ///
    /// `GET …/runs/{run}/bundle`. Repeated when it fails on the way.
    ///
    /// # Errors
    /// `Conflict` while the run goes on; `NotFound` until the bundle is made, 1 to 2 minutes after the end.
    pub async fn bundle(&self, id: RunId) -> Result<Bundle> {
        let call = self.workspace.call(GET_BUNDLE, Method::GET, &["runs", &id.to_string(), "bundle"]);
        self.workspace.edgegate().engine().json(&call).await
    }

    /// Cancels a run, which frees the workspace for the next.
    ///
    /// `POST …/runs/{run}/cancel`, admin. Sent at most once.
    ///
    /// # Errors
    /// `Conflict` when the run has ended already; `NotFound` when there is no such run.
    pub async fn cancel(&self, id: RunId) -> Result<CancelledRun> {
        let call = self.workspace.call(CANCEL_RUN, Method::POST, &["runs", &id.to_string(), "cancel"]);
        self.workspace.edgegate().engine().json(&call).await
    }

    /// Looks at a run every 5 s until it ends, well or badly. No limit of its own: set one with
    /// [`Waiter::timeout`]. Dropping it leaves the run alone; wait again by the id.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); a run that failed is an answer, not an error.
    pub fn wait(&self, id: RunId) -> Waiter<RunDetail> {
        let runs = self.clone();
        let look = move || {
            let runs = runs.clone();
            async move { runs.get(id).await }
        };
        let judge = |run: &RunDetail| if run.summary.has_ended() { Progress::Done } else { Progress::Running };
        Waiter::new(format!("run {id}"), INTERVAL, look, judge)
    }
}

/// Lists runs, newest first: see [`Runs::list`]. Await it to send.
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct ListRuns {
    workspace: WorkspaceScope,
    limit: Option<u32>,
    pipeline: Option<PipelineId>,
}

impl ListRuns {
    /// Runs at most, 1 or more. Default 20; servers may cap it.
    pub fn limit(mut self, runs: u32) -> Self {
        self.limit = Some(runs);
        self
    }

    /// Runs of this pipeline only.
    pub fn pipeline(mut self, id: PipelineId) -> Self {
        self.pipeline = Some(id);
        self
    }

    async fn send(self) -> Result<Vec<RunSummary>> {
        let limit = self.limit.unwrap_or(20);
        if limit == 0 {
            return Err(refuse("limit", "it must be 1 or more"));
        }
        let mut call = self.workspace.call(LIST_RUNS, Method::GET, &["runs"]).query("limit", limit);
        if let Some(id) = self.pipeline {
            call = call.query("pipeline_id", id);
        }
        self.workspace.edgegate().engine().json(&call).await
    }
}

awaitable!(ListRuns => Vec<RunSummary>);
