//! Artifacts: pointers into the customer's bucket, and the bundles that runs leave.

use cube_sdk_core::Result;

use super::engine::{reading, transaction, writing};
use super::{EdgeGateStore, GrantRow, Id, Time, failing};

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct ArtifactRow {
    pub(crate) id: Id,
    pub(crate) kind: String,
    pub(crate) storage_url: String,
    pub(crate) sha256: String,
    pub(crate) size_bytes: i64,
    pub(crate) original_filename: Option<String>,
    pub(crate) expected_sha256: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) created_at: Time,
    pub(crate) expires_at: Option<Time>,
}

/// An object that was found in the customer's bucket.
#[derive(Clone, Debug)]
pub(crate) struct NewByoArtifact {
    pub(crate) kind: String,
    pub(crate) storage_url: String,
    pub(crate) sha256: String,
    pub(crate) size_bytes: i64,
    pub(crate) original_filename: Option<String>,
    pub(crate) expected_sha256: Option<String>,
    pub(crate) etag: Option<String>,
}

impl EdgeGateStore {
    /// Stores a pointer while its grant is still active; none when the grant ended meanwhile. The same
    /// object registered again (URI, etag and expected digest equal) is the row that exists, with `false`.
    pub(crate) async fn insert_byo_artifact(
        &self,
        grant: &GrantRow,
        new: &NewByoArtifact,
        now: Time,
    ) -> Result<Option<(ArtifactRow, bool)>> {
        let doing = failing("storing an artifact");
        transaction!(self, grant.workspace_id, &doing, tx => {
            let usable: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM grants WHERE id = $1 AND status <> 'revoked')")
                    .bind(grant.id)
                    .fetch_one(&mut *tx)
                    .await
                    .map_err(&doing)?;
            if !usable {
                return Ok(None);
            }
            let known: Option<ArtifactRow> = sqlx::query_as(
                "SELECT id, kind, storage_url, sha256, size_bytes, original_filename, expected_sha256, etag,
                 created_at, expires_at FROM artifacts WHERE workspace_id = $1 AND storage_url = $2 AND etag IS NOT DISTINCT FROM $3
                 AND expected_sha256 IS NOT DISTINCT FROM $4 AND kind = $5 AND original_filename IS NOT DISTINCT FROM $6 AND deleted_at IS NULL",
            )
            .bind(grant.workspace_id)
            .bind(&new.storage_url)
            .bind(&new.etag)
            .bind(&new.expected_sha256)
            .bind(&new.kind)
            .bind(&new.original_filename)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&doing)?;
            if let Some(row) = known {
                return Ok(Some((row, false)));
            }
            let id = Id::random();
            sqlx::query(
                "INSERT INTO artifacts (id, workspace_id, kind, storage_url, sha256, size_bytes, original_filename,
                 expected_sha256, etag, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(id)
            .bind(grant.workspace_id)
            .bind(&new.kind)
            .bind(&new.storage_url)
            .bind(&new.sha256)
            .bind(new.size_bytes)
            .bind(&new.original_filename)
            .bind(&new.expected_sha256)
            .bind(&new.etag)
            .bind(now)
            .execute(&mut *tx)
            .await
            .map_err(&doing)?;
            tx.commit().await.map_err(&doing)?;
            let row = ArtifactRow {
                id,
                kind: new.kind.clone(),
                storage_url: new.storage_url.clone(),
                sha256: new.sha256.clone(),
                size_bytes: new.size_bytes,
                original_filename: new.original_filename.clone(),
                expected_sha256: new.expected_sha256.clone(),
                etag: new.etag.clone(),
                created_at: now,
                expires_at: None,
            };
            Ok(Some((row, true)))
        })
    }

    /// An artifact by id. A deleted pointer is still found: it no longer holds the grant, but a run that
    /// names it reads the object as long as the workspace has a grant for its bucket.
    pub(crate) async fn artifact(&self, workspace: Id, id: Id) -> Result<Option<ArtifactRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, kind, storage_url, sha256, size_bytes, original_filename, expected_sha256, etag,
             created_at, expires_at FROM artifacts WHERE workspace_id = $1 AND id = $2",
        )
        .bind(workspace)
        .bind(id)
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading an artifact"))
    }

    /// The newest pointer into a bucket: the object that a probe may prove reading on.
    pub(crate) async fn newest_in_bucket(&self, workspace: Id, bucket: &str) -> Result<Option<ArtifactRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT id, kind, storage_url, sha256, size_bytes, original_filename, expected_sha256, etag,
             created_at, expires_at FROM artifacts WHERE workspace_id = $1 AND deleted_at IS NULL
             AND substr(storage_url, 1, length($2)) = $2 ORDER BY rowid DESC LIMIT 1",
        )
        .bind(workspace)
        .bind(format!("byo-s3://{bucket}/"))
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading an artifact"))
    }

    /// Deletes the pointer; false when it is unknown or was deleted before. The object is not touched.
    pub(crate) async fn delete_artifact(&self, workspace: Id, id: Id, now: Time) -> Result<bool> {
        let done =
            writing!(self, pool => sqlx::query("UPDATE artifacts SET deleted_at = $1 WHERE workspace_id = $2 AND id = $3 AND deleted_at IS NULL")
                .bind(now)
                .bind(workspace)
                .bind(id)
                .execute(pool)
                .await
                .map(|done| done.rows_affected()))
                .map_err(failing("deleting an artifact"))?;
        Ok(done == 1)
    }

    /// The bytes that this server keeps itself, which only bundles have.
    pub(crate) async fn artifact_content(&self, workspace: Id, id: Id) -> Result<Option<Vec<u8>>> {
        let found: Option<Option<Vec<u8>>> = reading!(self, pool => sqlx::query_scalar(
            "SELECT content FROM artifacts WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
        )
        .bind(workspace)
        .bind(id)
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading an artifact's content"))?;
        Ok(found.flatten())
    }
}
