//! Promptpacks: immutable once stored; only published ones may be referenced.

use cube_sdk_core::Result;
use serde_json::Value;

use super::{Id, Json, Store, Time, failing, is_taken};

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

impl Store {
    /// Stores a pack; false when the workspace has this id and version already.
    pub(crate) async fn insert_promptpack(&self, workspace: Id, row: &PromptpackRow, content: &Value) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO promptpacks (id, workspace_id, promptpack_id, version, sha256, case_count, content,
             published, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .execute(&self.writer)
        .await;
        match done {
            Ok(_) => Ok(true),
            Err(cause) if is_taken(&cause) => Ok(false),
            Err(cause) => Err(failing("storing a promptpack")(cause)),
        }
    }

    /// The packs of a workspace, newest first.
    pub(crate) async fn promptpacks_of(&self, workspace: Id) -> Result<Vec<PromptpackRow>> {
        sqlx::query_as(
            "SELECT id, promptpack_id, version, sha256, case_count, published, created_at FROM promptpacks
             WHERE workspace_id = ? ORDER BY created_at DESC, id",
        )
        .bind(workspace)
        .fetch_all(&self.reader)
        .await
        .map_err(failing("listing promptpacks"))
    }

    /// One version of a pack.
    pub(crate) async fn promptpack(&self, workspace: Id, id: &str, version: &str) -> Result<Option<PromptpackRow>> {
        sqlx::query_as(
            "SELECT id, promptpack_id, version, sha256, case_count, published, created_at FROM promptpacks
             WHERE workspace_id = ? AND promptpack_id = ? AND version = ?",
        )
        .bind(workspace)
        .bind(id)
        .bind(version)
        .fetch_optional(&self.reader)
        .await
        .map_err(failing("reading a promptpack"))
    }

    /// Publishes a version, again and again if asked; none when it is unknown.
    pub(crate) async fn publish_promptpack(
        &self,
        workspace: Id,
        id: &str,
        version: &str,
    ) -> Result<Option<PromptpackRow>> {
        sqlx::query(
            "UPDATE promptpacks SET published = 1 WHERE workspace_id = ? AND promptpack_id = ? AND version = ?",
        )
        .bind(workspace)
        .bind(id)
        .bind(version)
        .execute(&self.writer)
        .await
        .map_err(failing("publishing a promptpack"))?;
        self.promptpack(workspace, id, version).await
    }
}
