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
