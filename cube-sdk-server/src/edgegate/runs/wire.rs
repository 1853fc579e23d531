//! The shapes of runs on the wire.

use serde::Serialize;
use serde_json::Value;

use crate::store::{CellRow, Id, Json, RunRow, Time};

#[derive(Debug, Serialize)]
pub(crate) struct RunSummary {
    id: Id,
    pipeline_id: Id,
    pipeline_name: String,
    status: String,
    trigger: String,
    model_artifact_id: Option<Id>,
    model_filename: Option<String>,
    error_code: Option<String>,
    error_detail: Option<String>,
    created_at: Time,
    updated_at: Time,
    completed_at: Option<Time>,
    /// Ids of the device cloud, which this server has none of.
    hub_model_id: Option<String>,
    hub_job_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RunDetail {
    #[serde(flatten)]
    summary: RunSummary,
    normalized_metrics: Option<Json<Value>>,
    gates_eval: Option<Json<Value>>,
    bundle_artifact_id: Option<Id>,
    cells: Vec<Cell>,
}

/// One model on one device. `size_bytes` and `sha256` are of the bytes that were read.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    model_artifact_id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_label: Option<String>,
    device: String,
    status: String,
    error_code: Option<String>,
    error_detail: Option<String>,
    metrics: Option<Json<Value>>,
    gates: Option<Json<Value>>,
    sha256: Option<String>,
    size_bytes: Option<i64>,
}

impl From<RunRow> for RunSummary {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id,
            pipeline_id: row.pipeline_id,
            pipeline_name: row.pipeline_name,
            status: row.status,
            trigger: row.trigger_source,
            model_artifact_id: row.model_artifact_id,
            model_filename: row.model_filename,
            error_code: row.error_code,
            error_detail: row.error_detail,
            created_at: row.created_at,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
            hub_model_id: None,
            hub_job_id: None,
        }
    }
}

impl From<CellRow> for Cell {
    fn from(row: CellRow) -> Self {
        Self {
            model_artifact_id: row.model_artifact_id,
            model_label: row.model_label,
            device: row.device,
            status: row.status,
            error_code: row.error_code,
            error_detail: row.error_detail,
            metrics: row.metrics,
            gates: row.gates,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
        }
    }
}

impl RunDetail {
    pub(crate) fn new(mut run: RunRow, cells: Vec<CellRow>) -> Self {
        Self {
            normalized_metrics: run.normalized_metrics.take(),
            gates_eval: run.gates_eval.take(),
            bundle_artifact_id: run.bundle_artifact_id,
            summary: run.into(),
            cells: cells.into_iter().map(Cell::from).collect(),
        }
    }
}
