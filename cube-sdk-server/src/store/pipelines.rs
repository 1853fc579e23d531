//! Pipelines: what a run tests, on which devices, against which gates.

use cube_sdk_core::Result;

use super::definition::Definition;
use super::engine::{reading, writing};
use super::{EdgeGateStore, Id, Json, Time, failing};

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PipelineRow {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) definition: Json<Definition>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// The newest run of a pipeline.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct LastRun {
    pub(crate) pipeline_id: Id,
    pub(crate) id: Id,
    pub(crate) status: String,
    pub(crate) created_at: Time,
}

impl EdgeGateStore {
    pub(crate) async fn insert_pipeline(&self, workspace: Id, row: &PipelineRow) -> Result<()> {
        writing!(self, pool => sqlx::query(
            "INSERT INTO pipelines (id, workspace_id, name, definition, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(row.id)
        .bind(workspace)
        .bind(&row.name)
        .bind(&row.definition)
        .bind(row.created_at)
        .bind(row.updated_at)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))
        .map_err(failing("storing a pipeline"))
        .map(drop)
    }

    /// The pipelines of a workspace, newest first.
    pub(crate) async fn pipelines_of(&self, workspace: Id) -> Result<Vec<PipelineRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, name, definition, created_at, updated_at FROM pipelines
             WHERE workspace_id = $1 ORDER BY rowid DESC",
        )
        .bind(workspace)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing pipelines"))
    }

    pub(crate) async fn pipeline(&self, workspace: Id, id: Id) -> Result<Option<PipelineRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, name, definition, created_at, updated_at FROM pipelines WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading a pipeline"))
    }

    /// The newest run of each pipeline of a workspace.
    pub(crate) async fn last_runs_of(&self, workspace: Id) -> Result<Vec<LastRun>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT pipeline_id, id, status, created_at FROM runs
             WHERE seq IN (SELECT max(seq) FROM runs WHERE workspace_id = $1 GROUP BY pipeline_id)",
        )
        .bind(workspace)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing last runs"))
    }
}
