//! The evidence that a run leaves: what was asked, what each cell measured, how the gates judged.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::verdict::Verdict;
use super::wire::Cell;
use crate::store::{CellRow, Id, RunRow, Time};

/// The reply of the bundle endpoint.
pub(crate) fn reply(run: &RunRow, cells: &[CellRow]) -> Value {
    json!({
        "run_id": run.id,
        "status": run.status,
        "pipeline_id": run.pipeline_id,
        "pipeline_name": run.pipeline_name,
        "normalized_metrics": run.normalized_metrics,
        "gates_eval": run.gates_eval,
        "bundle_artifact_id": run.bundle_artifact_id,
        "cells": cells.iter().cloned().map(Cell::from).collect::<Vec<_>>(),
    })
}

/// The document kept under the bundle's artifact id: its id, bytes and SHA-256 in hex.
pub(crate) fn document(run: &RunRow, cells: &[CellRow], verdict: &Verdict, now: Time) -> (Id, Vec<u8>, String) {
    let definition = &run.definition.0;
    let document = json!({
        "run_id": run.id,
        "workspace_id": run.workspace_id,
        "pipeline_id": run.pipeline_id,
        "pipeline_name": run.pipeline_name,
        "trigger": run.trigger_source,
        "status": verdict.status,
        "error_code": verdict.error_code,
        "error_detail": verdict.error_detail,
        "model_artifact_id": run.model_artifact_id,
        "promptpack_id": definition.promptpack_id,
        "promptpack_version": definition.promptpack_version,
        "devices": definition.devices,
        "normalized_metrics": verdict.normalized_metrics,
        "gates_eval": verdict.gates_eval,
        "cells": cells.iter().cloned().map(Cell::from).collect::<Vec<_>>(),
        "created_at": run.created_at,
        "completed_at": now,
    });
    let bytes = document.to_string().into_bytes();
    let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    (Id::random(), bytes, digest)
}
