//! Pipelines: devices, models, gates and the promptpack of a run, checked when they are made.

mod check;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

pub(crate) use check::NewPipeline;

use super::app::App;
use super::call::Call;
use crate::refusal::{Answer, Refusal};
use crate::store::{Id, Json as JsonColumn, LastRun, PipelineRow, Role, Time};

#[derive(Serialize)]
pub(crate) struct Pipeline {
    id: Id,
    name: String,
    device_count: usize,
    model_count: usize,
    gate_count: usize,
    cell_count: usize,
    promptpack_id: String,
    promptpack_version: String,
    created_at: Time,
    updated_at: Time,
    last_run: Option<Last>,
}

#[derive(Serialize)]
struct Last {
    id: Id,
    status: String,
    created_at: Time,
}

impl Pipeline {
    fn new(row: PipelineRow, last: Option<LastRun>) -> Self {
        let definition = row.definition.0;
        Self {
            id: row.id,
            name: row.name,
            device_count: definition.devices.len(),
            model_count: definition.models.len(),
            gate_count: definition.gates.len(),
            cell_count: definition.devices.len() * definition.models.len().max(1),
            promptpack_id: definition.promptpack_id,
            promptpack_version: definition.promptpack_version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_run: last.map(|run| Last { id: run.id, status: run.status, created_at: run.created_at }),
        }
    }
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Vec<Pipeline>>> {
    let access = app.access(&call).await?;
    let rows = app.store.pipelines_of(access.workspace.id).await?;
    let last = app.store.last_runs_of(access.workspace.id).await?;
    let mut last: HashMap<Id, LastRun> = last.into_iter().map(|run| (run.pipeline_id, run)).collect();
    Ok(Json(
        rows.into_iter()
            .map(|row| {
                let run = last.remove(&row.id);
                Pipeline::new(row, run)
            })
            .collect(),
    ))
}

pub(crate) async fn create(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<Pipeline>)> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let workspace = access.workspace.id;
    let (name, definition) = call.json::<NewPipeline>().await?.checked()?;
    let (pack, version) = (&definition.promptpack_id, &definition.promptpack_version);
    if !app.store.promptpack(workspace, pack, version).await?.is_some_and(|pack| pack.published) {
        return Err(Refusal::bad_request(format!("promptpack_ref: no published promptpack {pack} {version}")));
    }
    for model in &definition.models {
        if app.store.artifact(workspace, model.artifact_id).await?.is_none_or(|artifact| artifact.kind == "bundle") {
            return Err(Refusal::bad_request(format!("model_matrix: no model artifact {}", model.artifact_id)));
        }
    }
    let now = Time::from(app.clock.now());
    let row =
        PipelineRow { id: Id::random(), name, definition: JsonColumn(definition), created_at: now, updated_at: now };
    app.store.insert_pipeline(workspace, &row).await?;
    Ok((StatusCode::CREATED, Json(Pipeline::new(row, None))))
}
