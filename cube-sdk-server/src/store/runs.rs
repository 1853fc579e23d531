//! Runs and their cells. One run per workspace is in flight: a unique index says so.

use cube_sdk_core::Result;
use serde_json::Value;

use super::definition::Definition;
use super::{Id, Json, Store, Time, failing, is_taken};

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

impl Store {
    /// Stores a run and its cells; false when another run of the workspace is in flight.
    pub(crate) async fn insert_run(&self, run: &NewRun<'_>, now: Time) -> Result<bool> {
        let doing = failing("storing a run");
        let mut tx = self.immediate().await.map_err(&doing)?;
        let done = sqlx::query(
            "INSERT INTO runs (id, workspace_id, pipeline_id, pipeline_name, definition, status, trigger_source,
             model_artifact_id, model_filename, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)",
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
        .await;
        match done {
            Ok(_) => {}
            Err(cause) if is_taken(&cause) => return Ok(false),
            Err(cause) => return Err(doing(cause)),
        }
        for (position, cell) in (0_i64..).zip(&run.cells) {
            sqlx::query(
                "INSERT INTO cells (run_id, position, model_label, model_artifact_id, device, status)
                 VALUES (?, ?, ?, ?, ?, 'queued')",
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
    }

    pub(crate) async fn run(&self, workspace: Id, id: Id) -> Result<Option<RunRow>> {
        sqlx::query_as("SELECT * FROM runs WHERE workspace_id = ? AND id = ?")
            .bind(workspace)
            .bind(id)
            .fetch_optional(&self.reader)
            .await
            .map_err(failing("reading a run"))
    }

    /// A run by its id alone, for the runner.
    pub(crate) async fn run_to_execute(&self, id: Id) -> Result<Option<RunRow>> {
        sqlx::query_as("SELECT * FROM runs WHERE id = ? AND completed_at IS NULL")
            .bind(id)
            .fetch_optional(&self.reader)
            .await
            .map_err(failing("reading a run"))
    }

    /// Up to `limit` runs of a workspace, newest first, of one pipeline if given.
    pub(crate) async fn runs_of(&self, workspace: Id, pipeline: Option<Id>, limit: u32) -> Result<Vec<RunRow>> {
        // One statement a filter: a condition that may be absent would make the index useless.
        let statement = match pipeline {
            Some(_) => "SELECT * FROM runs WHERE workspace_id = ?1 AND pipeline_id = ?2 ORDER BY seq DESC LIMIT ?3",
            None => "SELECT * FROM runs WHERE workspace_id = ?1 ORDER BY seq DESC LIMIT ?3",
        };
        sqlx::query_as(statement)
            .bind(workspace)
            .bind(pipeline)
            .bind(limit)
            .fetch_all(&self.reader)
            .await
            .map_err(failing("listing runs"))
    }

    /// The cells of a run, in the order in which they are executed.
    pub(crate) async fn cells_of(&self, run: Id) -> Result<Vec<CellRow>> {
        sqlx::query_as(
            "SELECT position, model_label, model_artifact_id, device, status, error_code, error_detail, metrics,
             gates, sha256, size_bytes FROM cells WHERE run_id = ? ORDER BY position",
        )
        .bind(run)
        .fetch_all(&self.reader)
        .await
        .map_err(failing("reading a run's cells"))
    }

    /// Moves a run that is in flight to another status in flight; false when it has ended.
    pub(crate) async fn advance_run(&self, run: Id, status: &'static str, now: Time) -> Result<bool> {
        let done = sqlx::query("UPDATE runs SET status = ?, updated_at = ? WHERE id = ? AND completed_at IS NULL")
            .bind(status)
            .bind(now)
            .bind(run)
            .execute(&self.writer)
            .await
            .map_err(failing("moving a run on"))?;
        Ok(done.rows_affected() == 1)
    }

    pub(crate) async fn begin_cell(&self, run: Id, position: i64, now: Time) -> Result<()> {
        sqlx::query("UPDATE cells SET status = 'running', started_at = ? WHERE run_id = ? AND position = ?")
            .bind(now)
            .bind(run)
            .bind(position)
            .execute(&self.writer)
            .await
            .map_err(failing("starting a cell"))
            .map(drop)
    }

    pub(crate) async fn end_cell(&self, run: Id, position: i64, end: &CellEnd, now: Time) -> Result<()> {
        sqlx::query(
            "UPDATE cells SET status = ?, error_code = ?, error_detail = ?, metrics = ?, gates = ?, sha256 = ?,
             size_bytes = ?, completed_at = ? WHERE run_id = ? AND position = ? AND completed_at IS NULL",
        )
        .bind(if end.passed { "passed" } else { "failed" })
        .bind(&end.error_code)
        .bind(&end.error_detail)
        .bind(end.metrics.as_ref().map(Json))
        .bind(end.gates.as_ref().map(Json))
        .bind(&end.sha256)
        .bind(end.size_bytes)
        .bind(now)
        .bind(run)
        .bind(position)
        .execute(&self.writer)
        .await
        .map_err(failing("ending a cell"))
        .map(drop)
    }

    /// Ends a run: cells that did not end fail with the run's code, the bundle is stored, the workspace's slot
    /// is free. False when it had ended before.
    pub(crate) async fn end_run(&self, run: Id, end: &RunEnd, now: Time) -> Result<bool> {
        let doing = failing("ending a run");
        let mut tx = self.immediate().await.map_err(&doing)?;
        let done = sqlx::query(
            "UPDATE runs SET status = ?1, error_code = ?2, error_detail = ?3, normalized_metrics = ?4, gates_eval = ?5,
             bundle_artifact_id = ?6, updated_at = ?7, completed_at = ?7 WHERE id = ?8 AND completed_at IS NULL",
        )
        .bind(end.status)
        .bind(&end.error_code)
        .bind(&end.error_detail)
        .bind(end.normalized_metrics.as_ref().map(Json))
        .bind(end.gates_eval.as_ref().map(Json))
        .bind(end.bundle.as_ref().map(|(id, _, _)| *id))
        .bind(now)
        .bind(run)
        .execute(&mut *tx)
        .await
        .map_err(&doing)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE cells SET status = 'failed', error_code = ?, completed_at = ?
             WHERE run_id = ? AND completed_at IS NULL",
        )
        .bind(end.error_code.as_deref().unwrap_or(end.status))
        .bind(now)
        .bind(run)
        .execute(&mut *tx)
        .await
        .map_err(&doing)?;
        if let Some((id, content, sha256)) = &end.bundle {
            sqlx::query(
                "INSERT INTO artifacts (id, workspace_id, kind, storage_url, sha256, size_bytes, original_filename,
                 content, created_at) SELECT ?1, workspace_id, 'bundle', 'edgegate://bundles/' || ?1, ?2, ?3,
                 'bundle-' || id || '.json', ?4, ?5 FROM runs WHERE id = ?6",
            )
            .bind(*id)
            .bind(sha256)
            .bind(i64::try_from(content.len()).unwrap_or(i64::MAX))
            .bind(content)
            .bind(now)
            .bind(run)
            .execute(&mut *tx)
            .await
            .map_err(&doing)?;
        }
        tx.commit().await.map_err(&doing)?;
        Ok(true)
    }

    /// The runs that had begun and have not ended.
    pub(crate) async fn runs_in_flight(&self) -> Result<Vec<Id>> {
        sqlx::query_scalar("SELECT id FROM runs WHERE completed_at IS NULL AND status <> 'queued' ORDER BY seq")
            .fetch_all(&self.reader)
            .await
            .map_err(failing("listing the runs in flight"))
    }

    /// The runs that wait to be executed, oldest first.
    pub(crate) async fn runs_queued(&self) -> Result<Vec<Id>> {
        sqlx::query_scalar("SELECT id FROM runs WHERE completed_at IS NULL AND status = 'queued' ORDER BY seq")
            .fetch_all(&self.reader)
            .await
            .map_err(failing("listing the queued runs"))
    }
}
