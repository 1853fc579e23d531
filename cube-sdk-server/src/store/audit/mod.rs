//! The append-only audit: one row per call to STS or S3 made for a workspace.

mod append;
mod page;

use cube_sdk_core::Result;

pub(crate) use self::page::AuditFilter;
use super::engine::Engine;
use super::{EdgeGateStore, Id, Time, failing};

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

impl EdgeGateStore {
    /// Appends rows in one commit; when it returns, they are on disk. A row that an earlier, given-up commit
    /// had written already (same attempt, same outcome) is not written twice.
    pub(crate) async fn append_audit(&self, rows: &[NewAuditRow]) -> Result<()> {
        let done = match self.engine() {
            Engine::Sqlite(store) => append::sqlite(store, rows).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => append::postgres(postgres, rows).await,
        };
        done.map_err(failing("appending to the audit"))
    }
}

#[cfg(test)]
pub(super) mod tests;
