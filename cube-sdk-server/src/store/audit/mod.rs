//! The append-only audit: one row per call to STS or S3 made for a workspace.

mod page;

use cube_sdk_core::Result;

pub(crate) use self::page::AuditFilter;
use super::{Id, Store, Time, failing};

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct AuditRow {
    pub(crate) id: i64,
    pub(crate) event_type: String,
    pub(crate) operation: Option<String>,
    pub(crate) aws_request_id: String,
    pub(crate) attempt_id: String,
    pub(crate) probe_id: Option<String>,
    pub(crate) role_arn: String,
    pub(crate) bucket: String,
    pub(crate) s3_key: Option<String>,
    pub(crate) bytes_read: Option<i64>,
    pub(crate) worker_hostname: Option<String>,
    pub(crate) outcome: String,
    pub(crate) error_code: Option<String>,
    pub(crate) artifact_id: Option<Id>,
    pub(crate) run_id: Option<Id>,
    pub(crate) ts: Time,
}

/// A row to append; the database gives the id.
#[derive(Clone, Debug)]
pub(crate) struct NewAuditRow {
    pub(crate) workspace_id: Id,
    pub(crate) grant_id: Option<Id>,
    pub(crate) event_type: String,
    pub(crate) operation: Option<String>,
    pub(crate) aws_request_id: String,
    pub(crate) attempt_id: String,
    pub(crate) probe_id: Option<String>,
    pub(crate) role_arn: String,
    pub(crate) bucket: String,
    pub(crate) s3_key: Option<String>,
    pub(crate) bytes_read: Option<i64>,
    pub(crate) worker_hostname: Option<String>,
    pub(crate) outcome: String,
    pub(crate) error_code: Option<String>,
    pub(crate) artifact_id: Option<Id>,
    pub(crate) run_id: Option<Id>,
    pub(crate) ts: Time,
}

/// `latest` only grows within a workspace: see the migration that adds it.
const APPEND: &str = "INSERT INTO audit (workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id,
     probe_id, role_arn, bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id, ts, latest)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
     max(?17, coalesce((SELECT latest FROM audit INDEXED BY audit_by_time WHERE workspace_id = ?1
     ORDER BY latest DESC LIMIT 1), ?17))
     WHERE NOT EXISTS (SELECT 1 FROM audit WHERE attempt_id = ?6 AND outcome = ?13)";

impl Store {
    /// Appends rows in one commit; when it returns, they are on disk. A row that an earlier, given-up commit
    /// had written already (same attempt, same outcome) is not written twice.
    pub(crate) async fn append_audit(&self, rows: &[NewAuditRow]) -> Result<()> {
        let doing = failing("appending to the audit");
        let mut tx = self.immediate().await.map_err(&doing)?;
        for row in rows {
            sqlx::query(APPEND)
                .bind(row.workspace_id)
                .bind(row.grant_id)
                .bind(&row.event_type)
                .bind(&row.operation)
                .bind(&row.aws_request_id)
                .bind(&row.attempt_id)
                .bind(&row.probe_id)
                .bind(&row.role_arn)
                .bind(&row.bucket)
                .bind(&row.s3_key)
                .bind(row.bytes_read)
                .bind(&row.worker_hostname)
                .bind(&row.outcome)
                .bind(&row.error_code)
                .bind(row.artifact_id)
                .bind(row.run_id)
                .bind(row.ts)
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
        }
        tx.commit().await.map_err(&doing)
    }
}

#[cfg(test)]
mod tests;
