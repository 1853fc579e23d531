//! A run, as EdgeGate tells it: summary, detail, gates, cells, bundle.

use cube_sdk_core::{Timestamp, open_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gate::GateOperator;
use crate::code::ByoCode;
use crate::fault::ByoFault;
use crate::ids::{ArtifactId, PipelineId, RunId};

open_enum! {
    /// State of a run.
    pub enum RunStatus {
        /// Waiting for its turn.
        Queued = "queued",
        /// Waiting, in the words of the reply to a trigger.
        Pending = "pending",
        /// Just made.
        Created = "created",
        /// Models are fetched.
        Preparing = "preparing",
        /// Jobs are handed to the device cloud.
        Submitting = "submitting",
        /// Jobs run.
        Running = "running",
        /// Results are fetched.
        Collecting = "collecting",
        /// Gates are judged.
        Evaluating = "evaluating",
        /// The evidence is written.
        Reporting = "reporting",
        /// Ended: every gate holds.
        Passed = "passed",
        /// Ended: a gate or a cell failed. A role revoked within the run ends so too.
        Failed = "failed",
        /// Ended: EdgeGate could not run it.
        Error = "error",
        /// Ended: somebody cancelled it.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// True for the states that a run never leaves.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Error | Self::Cancelled)
    }
}

open_enum! {
    /// What started a run.
    pub enum RunTrigger {
        /// A person or program by hand.
        Manual = "manual",
        /// A pipeline of continuous integration.
        Ci = "ci",
        /// A schedule.
        Scheduled = "scheduled",
        /// An MCP tool.
        Mcp = "mcp",
    }
}

/// Metrics by name. Values other than numbers are kept.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metrics(serde_json::Map<String, Value>);

impl Metrics {
    /// A metric as a number; none when the run did not produce it.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// All of them, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A run, as listed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The pipeline's name.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub pipeline_name: String,
    /// Its state.
    pub status: RunStatus,
    /// What started it.
    #[serde(default)]
    pub trigger: Option<RunTrigger>,
    /// The model that it was given.
    #[serde(default)]
    pub model_artifact_id: Option<ArtifactId>,
    /// The model's file name.
    #[serde(default)]
    pub model_filename: Option<String>,
    /// Why it failed, as a code: `NO_AIHUB_TOKEN`, `CELL_EXECUTION_ERROR` or a `BYO_*` code.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Why it failed, in words.
    #[serde(default)]
    pub error_detail: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// The device cloud's id of the model.
    #[serde(default)]
    pub hub_model_id: Option<String>,
    /// The device cloud's id of the job.
    #[serde(default)]
    pub hub_job_id: Option<String>,
}

impl RunSummary {
    /// True when the run is over. A state that this version does not know counts as over once
    /// `completed_at` is set.
    pub fn has_ended(&self) -> bool {
        self.status.is_terminal() || (!self.status.is_known() && self.completed_at.is_some())
    }

    /// Why storage failed the run; none when it failed otherwise or not at all.
    pub fn byo(&self) -> Option<ByoFault> {
        fault(self.error_code.as_deref()?, self.error_detail.as_deref())
    }
}

fn fault(code: &str, detail: Option<&str>) -> Option<ByoFault> {
    let (code, _) = ByoCode::leading(code)?;
    let fault = ByoFault::new(code);
    Some(match detail {
        Some(detail) if !detail.is_empty() => fault.with_detail(detail),
        _ => fault,
    })
}

/// A run with its results.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Its metrics.
    #[serde(default)]
    pub normalized_metrics: Option<Metrics>,
    /// Its gates.
    #[serde(default)]
    pub gates_eval: Option<GatesEval>,
    /// The artifact that holds its evidence.
    #[serde(default)]
    pub bundle_artifact_id: Option<ArtifactId>,
    /// Its cells, where EdgeGate tells them.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub cells: Vec<Cell>,
}

impl RunDetail {
    /// Its id.
    pub const fn id(&self) -> RunId {
        self.summary.id
    }

    /// Its state.
    pub const fn status(&self) -> &RunStatus {
        &self.summary.status
    }

    /// Why storage failed the run: as [`RunSummary::byo`], else by the first cell that says so.
    pub fn byo(&self) -> Option<ByoFault> {
        self.summary.byo().or_else(|| self.cells.iter().find_map(Cell::byo))
    }
}

/// How the gates of a run were judged.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GatesEval {
    /// Whether all hold; none when the run broke before they were judged.
    #[serde(default)]
    pub passed: Option<bool>,
    /// Each gate; empty when the run broke before.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub gates: Vec<GateResult>,
}

/// How one gate was judged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateResult {
    /// The metric; empty for a gate about layers.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub metric: String,
    /// How it was compared.
    pub operator: GateOperator,
    /// With what.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
    /// Words for people.
    #[serde(default)]
    pub description: Option<String>,
    /// What was measured; none when the run did not produce the metric: the gate fails then.
    #[serde(default)]
    pub actual_value: Option<f64>,
}

open_enum! {
    /// How a cell ended.
    pub enum CellStatus {
        /// Every gate holds.
        Passed = "passed",
        /// A gate failed, or the cell could not be run.
        Failed = "failed",
    }
}

/// One model on one device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cell {
    /// The model.
    #[serde(default)]
    pub model_artifact_id: Option<ArtifactId>,
    /// The device.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub device: String,
    /// How it ended.
    pub status: CellStatus,
    /// Why it failed, as a code.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Why it failed, in words, where EdgeGate tells.
    #[serde(default)]
    pub error_detail: Option<String>,
    /// Its metrics.
    #[serde(default)]
    pub metrics: Option<Metrics>,
    /// Its gates.
    #[serde(default)]
    pub gates: Option<Value>,
}

impl Cell {
    /// Why storage failed the cell; none when it failed otherwise or not at all.
    pub fn byo(&self) -> Option<ByoFault> {
        fault(self.error_code.as_deref()?, self.error_detail.as_deref())
    }
}

/// The evidence of a run that ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Bundle {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub status: RunStatus,
    /// The pipeline.
    #[serde(default)]
    pub pipeline_id: Option<PipelineId>,
    /// The pipeline's name.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub pipeline_name: String,
    /// Its metrics.
    #[serde(default)]
    pub normalized_metrics: Option<Metrics>,
    /// Its gates.
    #[serde(default)]
    pub gates_eval: Option<GatesEval>,
    /// The artifact that holds all of it.
    #[serde(default)]
    pub bundle_artifact_id: Option<ArtifactId>,
    /// Its cells, where EdgeGate tells them: those that passed before a revocation are kept.
    #[serde(default, deserialize_with = "crate::rest::tolerant::null_as_default")]
    pub cells: Vec<Cell>,
}
