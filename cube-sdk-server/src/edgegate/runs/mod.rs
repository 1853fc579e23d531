//! Runs over HTTP: trigger, list, look, fetch the bundle, cancel. What executes them: [`runner`].

mod bundle;
mod cell;
mod lease;
mod runner;
mod verdict;
mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::call::Call;
use super::contracts;
use super::news::News;
use crate::refusal::{Answer, Refusal};
use crate::store::{ArtifactRow, Ender, Id, NewCell, NewRun, Plan, Role, RunEnd, RunRow};

pub(crate) use lease::give_up;
pub(crate) use runner::{end_interrupted, run_forever};
use wire::{RunDetail, RunSummary};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

#[derive(Deserialize)]
struct Trigger {
    pipeline_id: String,
    trigger: Option<String>,
    model_artifact_id: Option<String>,
}

pub(crate) async fn trigger(State(app): State<Arc<App>>, call: Call) -> Answer<(StatusCode, Json<RunSummary>)> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let workspace = access.workspace.id;
    let body: Trigger = call.json().await?;
    let id = |name: &str, text: &str| {
        text.parse::<Id>().map_err(|_| Refusal::invalid(format!("{name}: `{}` is no UUID", text.escape_debug())))
    };
    let pipeline_id = id("pipeline_id", &body.pipeline_id)?;
    let model_id = body.model_artifact_id.as_deref().map(|text| id("model_artifact_id", text)).transpose()?;
    let trigger =
        body.trigger.as_deref().filter(|word| matches!(*word, "ci" | "scheduled" | "mcp")).unwrap_or("manual");

    let pipeline = app.store.pipeline(workspace, pipeline_id).await?;
    let pipeline = pipeline.ok_or_else(|| Refusal::not_found("no such pipeline"))?;
    let definition = &pipeline.definition.0;
    let model = match model_id {
        Some(id) => Some(model_artifact(&app, workspace, id).await?),
        None => None,
    };
    let models: Vec<(Option<String>, ArtifactRow)> = if definition.models.is_empty() {
        let model = model.clone().ok_or_else(|| {
            Refusal::bad_request(
                "NO_MODEL_ARTIFACT: this pipeline takes its model from the run: give model_artifact_id",
            )
        })?;
        vec![(None, model)]
    } else {
        let mut models = Vec::with_capacity(definition.models.len());
        for model in &definition.models {
            models.push((Some(model.label.clone()), model_artifact(&app, workspace, model.artifact_id).await?));
        }
        models
    };
    let by_reference = models.iter().any(|(_, model)| model.storage_url.starts_with("byo-s3://"));
    if by_reference && access.workspace.plan < Plan::Enterprise {
        return Err(Refusal::plan("reading BYO artifacts", Plan::Enterprise, access.workspace.plan));
    }

    let cells = models
        .iter()
        .flat_map(|(label, model)| {
            definition.devices.iter().map(|device| NewCell {
                model_label: label.clone(),
                model_artifact_id: model.id,
                device: device.clone(),
            })
        })
        .collect();
    let new = NewRun {
        id: Id::random(),
        workspace_id: workspace,
        pipeline_id,
        pipeline_name: &pipeline.name,
        definition,
        trigger,
        model_artifact_id: model.as_ref().map(|model| model.id),
        model_filename: model.as_ref().and_then(|model| model.original_filename.as_deref()),
        cells,
    };
    if !app.store.insert_run(&new, app.limits.runs, app.now()).await? {
        return Err(Refusal::conflict(too_many(app.limits.runs)));
    }
    app.wake.notify_one();
    app.tell(&News::Queued).await;
    let run = known_run(&app, workspace, new.id).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

fn too_many(most: u32) -> String {
    match most {
        1 => "another run of this workspace is in flight: wait for it or cancel it".to_owned(),
        most => format!("{most} runs of this workspace are in flight: wait for one or cancel it"),
    }
}

async fn model_artifact(app: &App, workspace: Id, id: Id) -> Answer<ArtifactRow> {
    let found = app.store.artifact(workspace, id).await?.filter(|artifact| artifact.kind != "bundle");
    found.ok_or_else(|| Refusal::not_found(format!("no such model artifact: {id}")))
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Vec<RunSummary>>> {
    let access = app.access(&call).await?;
    let limit = call.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let pipeline = call.parsed("pipeline_id", "a UUID")?;
    let rows = app.store.runs_of(access.workspace.id, pipeline, limit).await?;
    Ok(Json(rows.into_iter().map(RunSummary::from).collect()))
}

pub(crate) async fn show(State(app): State<Arc<App>>, call: Call) -> Answer<Json<RunDetail>> {
    let access = app.access(&call).await?;
    let run = known_run(&app, access.workspace.id, call.id("run", "run")?).await?;
    let cells = app.store.cells_of(run.id).await?;
    Ok(Json(RunDetail::new(run, cells)))
}

pub(crate) async fn show_bundle(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Value>> {
    let access = app.access(&call).await?;
    let run = known_run(&app, access.workspace.id, call.id("run", "run")?).await?;
    if run.completed_at.is_none() {
        return Err(Refusal::conflict(format!("the run is {}: its bundle comes when it has ended", run.status)));
    }
    if run.bundle_artifact_id.is_none() {
        return Err(Refusal::not_found(format!("this run left no bundle: it ended as {}", run.status)));
    }
    let cells = app.store.cells_of(run.id).await?;
    Ok(Json(bundle::reply(&run, &cells)))
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, call: Call) -> Answer<Json<Value>> {
    let access = app.access(&call).await?.at_least(Role::Admin)?;
    let run = known_run(&app, access.workspace.id, call.id("run", "run")?).await?;
    let end = RunEnd {
        status: "cancelled",
        error_code: Some("CANCELLED".to_owned()),
        error_detail: None,
        normalized_metrics: None,
        gates_eval: None,
        bundle: None,
    };
    if !app.end_run(&run, Ender::Anyone, &end, app.now()).await? {
        let run = known_run(&app, access.workspace.id, run.id).await?;
        return Err(Refusal::conflict(format!("the run has ended already: {}", run.status)));
    }
    app.switch_off(run.id);
    app.tell(&News::Ended(run.id)).await;
    debug_assert!(contracts::TERMINAL.contains(&end.status));
    Ok(Json(json!({ "run_id": run.id, "status": end.status })))
}

async fn known_run(app: &App, workspace: Id, id: Id) -> Answer<RunRow> {
    app.store.run(workspace, id).await?.ok_or_else(|| Refusal::not_found("no such run"))
}
