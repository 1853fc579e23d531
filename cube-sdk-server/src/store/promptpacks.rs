//! Promptpacks: immutable once stored; only published ones may be referenced.

use cube_sdk_core::Result;
use serde_json::Value;

use super::engine::{reading, writing};
use super::{EdgeGateStore, Id, Json, Time, failing, is_taken};

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PromptpackRow {
    pub(crate) id: Id,
    pub(crate) promptpack_id: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) case_count: i64,
    pub(crate) published: bool,
    pub(crate) created_at: Time,
}

impl EdgeGateStore {
    /// Stores a pack; false when the workspace has this id and version already.
    pub(crate) async fn insert_promptpack(&self, workspace: Id, row: &PromptpackRow, content: &Value) -> Result<bool> {
        let done = writing!(self, pool => sqlx::query(
            "INSERT INTO promptpacks (id, workspace_id, promptpack_id, version, sha256, case_count, content,
             published, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(row.id)
        .bind(workspace)
        .bind(&row.promptpack_id)
        .bind(&row.version)
        .bind(&row.sha256)
        .bind(row.case_count)
        .bind(Json(content))
        .bind(row.published)
        .bind(row.created_at)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()));
        match done {
            Ok(_) => Ok(true),
            Err(cause) if is_taken(&cause) => Ok(false),
            Err(cause) => Err(failing("storing a promptpack")(cause)),
        }
    }

    /// The packs of a workspace, newest first.
    pub(crate) async fn promptpacks_of(&self, workspace: Id) -> Result<Vec<PromptpackRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, promptpack_id, version, sha256, case_count, published, created_at FROM promptpacks
             WHERE workspace_id = $1 ORDER BY rowid DESC",
        )
        .bind(workspace)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing promptpacks"))
    }

    /// One version of a pack.
    pub(crate) async fn promptpack(&self, workspace: Id, id: &str, version: &str) -> Result<Option<PromptpackRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, promptpack_id, version, sha256, case_count, published, created_at FROM promptpacks
             WHERE workspace_id = $1 AND promptpack_id = $2 AND version = $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(version)
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading a promptpack"))
    }

    /// Publishes a version, again and again if asked; none when it is unknown.
    pub(crate) async fn publish_promptpack(
        &self,
        workspace: Id,
        id: &str,
        version: &str,
    ) -> Result<Option<PromptpackRow>> {
        writing!(self, pool => sqlx::query(
            "UPDATE promptpacks SET published = TRUE WHERE workspace_id = $1 AND promptpack_id = $2 AND version = $3",
        )
        .bind(workspace)
        .bind(id)
        .bind(version)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))
        .map_err(failing("publishing a promptpack"))?;
        self.promptpack(workspace, id, version).await
    }
}
