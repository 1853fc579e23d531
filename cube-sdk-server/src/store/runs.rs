//! Runs and their cells. Who executes them: [`super::leases`].

use cube_sdk_core::Result;
use serde_json::Value;

use super::definition::Definition;
use super::engine::{reading, transaction};
use super::{EdgeGateStore, Id, Json, Time, failing};

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct RunRow {
    pub(crate) id: Id,
    pub(crate) workspace_id: Id,
    pub(crate) pipeline_id: Id,
    pub(crate) pipeline_name: String,
    pub(crate) definition: Json<Definition>,
    pub(crate) status: String,
    pub(crate) trigger_source: String,
    pub(crate) model_artifact_id: Option<Id>,
    pub(crate) model_filename: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error_detail: Option<String>,
    pub(crate) normalized_metrics: Option<Json<Value>>,
    pub(crate) gates_eval: Option<Json<Value>>,
    pub(crate) bundle_artifact_id: Option<Id>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) completed_at: Option<Time>,
}

/// A run to start.
#[derive(Clone, Debug)]
pub(crate) struct NewRun<'a> {
    pub(crate) id: Id,
    pub(crate) workspace_id: Id,
    pub(crate) pipeline_id: Id,
    pub(crate) pipeline_name: &'a str,
    pub(crate) definition: &'a Definition,
    pub(crate) trigger: &'a str,
    pub(crate) model_artifact_id: Option<Id>,
    pub(crate) model_filename: Option<&'a str>,
    pub(crate) cells: Vec<NewCell>,
}

/// One model on one device.
#[derive(Clone, Debug)]
pub(crate) struct NewCell {
    pub(crate) model_label: Option<String>,
    pub(crate) model_artifact_id: Id,
    pub(crate) device: String,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct CellRow {
    pub(crate) position: i64,
    pub(crate) model_label: Option<String>,
    pub(crate) model_artifact_id: Id,
    pub(crate) device: String,
    pub(crate) status: String,
    pub(crate) error_code: Option<String>,
    pub(crate) error_detail: Option<String>,
    pub(crate) metrics: Option<Json<Value>>,
    pub(crate) gates: Option<Json<Value>>,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<i64>,
}

/// How a cell ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct CellEnd {
    pub(crate) passed: bool,
    pub(crate) error_code: Option<String>,
    pub(crate) error_detail: Option<String>,
    pub(crate) metrics: Option<Value>,
    pub(crate) gates: Option<Value>,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<i64>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct RunEnd {
    pub(crate) status: &'static str,
    pub(crate) error_code: Option<String>,
    pub(crate) error_detail: Option<String>,
    pub(crate) normalized_metrics: Option<Value>,
    pub(crate) gates_eval: Option<Value>,
    /// The bundle's id and JSON text, with its digest.
    pub(crate) bundle: Option<(Id, Vec<u8>, String)>,
}

impl EdgeGateStore {
    /// Stores a run and its cells; false when `most` runs of the workspace have not ended yet.
    pub(crate) async fn insert_run(&self, run: &NewRun<'_>, most: u32, now: Time) -> Result<bool> {
        let doing = failing("storing a run");
        transaction!(self, run.workspace_id, &doing, tx => {
            let open: i64 =
                sqlx::query_scalar("SELECT count(*) FROM runs WHERE workspace_id = $1 AND completed_at IS NULL")
                    .bind(run.workspace_id)
                    .fetch_one(&mut *tx)
                    .await
                    .map_err(&doing)?;
            if open >= i64::from(most) {
                return Ok(false);
            }
            sqlx::query(
                "INSERT INTO runs (id, workspace_id, pipeline_id, pipeline_name, definition, status, trigger_source,
                 model_artifact_id, model_filename, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, $9, $10)",
            )
            .bind(run.id)
            .bind(run.workspace_id)
            .bind(run.pipeline_id)
            .bind(run.pipeline_name)
            .bind(Json(run.definition))
            .bind(run.trigger)
            .bind(run.model_artifact_id)
            .bind(run.model_filename)
            .bind(now)
            .bind(now)
            .execute(&mut *tx)
            .await
            .map_err(&doing)?;
            for (position, cell) in (0_i64..).zip(&run.cells) {
                sqlx::query(
                    "INSERT INTO cells (run_id, position, model_label, model_artifact_id, device, status)
                     VALUES ($1, $2, $3, $4, $5, 'queued')",
                )
                .bind(run.id)
                .bind(position)
                .bind(&cell.model_label)
                .bind(cell.model_artifact_id)
                .bind(&cell.device)
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
            }
            tx.commit().await.map_err(&doing)?;
            Ok(true)
        })
    }

    pub(crate) async fn run(&self, workspace: Id, id: Id) -> Result<Option<RunRow>> {
        reading!(self, pool => sqlx::query_as("SELECT * FROM runs WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .fetch_optional(pool)
            .await)
        .map_err(failing("reading a run"))
    }

    /// A run by its id alone, for the runner.
    pub(crate) async fn run_to_execute(&self, id: Id) -> Result<Option<RunRow>> {
        reading!(self, pool => sqlx::query_as("SELECT * FROM runs WHERE id = $1 AND completed_at IS NULL")
            .bind(id)
            .fetch_optional(pool)
            .await)
        .map_err(failing("reading a run"))
    }

    /// Up to `limit` runs of a workspace, newest first, of one pipeline if given.
    pub(crate) async fn runs_of(&self, workspace: Id, pipeline: Option<Id>, limit: u32) -> Result<Vec<RunRow>> {
        // One statement a filter: a condition that may be absent would make the index useless.
        let statement = match pipeline {
            Some(_) => "SELECT * FROM runs WHERE workspace_id = $1 AND pipeline_id = $2 ORDER BY seq DESC LIMIT $3",
            None => "SELECT * FROM runs WHERE workspace_id = $1 ORDER BY seq DESC LIMIT $3",
        };
        reading!(self, pool => sqlx::query_as(statement)
            .bind(workspace)
            .bind(pipeline)
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await)
        .map_err(failing("listing runs"))
    }

    /// The cells of a run, in the order in which they are executed.
    pub(crate) async fn cells_of(&self, run: Id) -> Result<Vec<CellRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT position, model_label, model_artifact_id, device, status, error_code, error_detail, metrics,
             gates, sha256, size_bytes FROM cells WHERE run_id = $1 ORDER BY position",
        )
        .bind(run)
        .fetch_all(pool)
        .await)
        .map_err(failing("reading a run's cells"))
    }
}
