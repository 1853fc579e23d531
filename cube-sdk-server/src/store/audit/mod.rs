//! The append-only audit: one row per call to STS or S3 made for a workspace.

use cube_sdk_core::Result;

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

/// Which rows to list; all given conditions hold at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AuditFilter {
    pub(crate) artifact_id: Option<Id>,
    pub(crate) run_id: Option<Id>,
    /// Only rows later than this.
    pub(crate) since: Option<Time>,
    /// Only rows with a lower id.
    pub(crate) cursor: Option<i64>,
}

impl Store {
    /// Appends rows in one commit; when it returns, they are on disk. A row that an earlier, given-up commit
    /// had written already (same attempt, same outcome) is not written twice.
    pub(crate) async fn append_audit(&self, rows: &[NewAuditRow]) -> Result<()> {
        let doing = failing("appending to the audit");
        let mut tx = self.immediate().await.map_err(&doing)?;
        for row in rows {
            sqlx::query(
                "INSERT INTO audit (workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id,
                 probe_id, role_arn, bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id,
                 run_id, ts) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
                 WHERE NOT EXISTS (SELECT 1 FROM audit WHERE attempt_id = ?6 AND outcome = ?13)",
            )
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

    /// Up to `limit` rows of a workspace, newest first.
    pub(crate) async fn audit_page(&self, workspace: Id, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRow>> {
        sqlx::query_as(
            "SELECT id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn, bucket, s3_key, bytes_read,
             worker_hostname, outcome, error_code, artifact_id, run_id, ts FROM audit
             WHERE workspace_id = ?1 AND (?2 IS NULL OR artifact_id = ?2) AND (?3 IS NULL OR run_id = ?3)
             AND (?4 IS NULL OR ts > ?4) AND (?5 IS NULL OR id < ?5) ORDER BY id DESC LIMIT ?6",
        )
        .bind(workspace)
        .bind(filter.artifact_id)
        .bind(filter.run_id)
        .bind(filter.since)
        .bind(filter.cursor)
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(failing("listing the audit"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use cube_sdk_core::Timestamp;

    use super::*;

    fn row(attempt: &str, outcome: &str) -> NewAuditRow {
        NewAuditRow {
            workspace_id: Id::from_u128(1),
            grant_id: None,
            event_type: "get_object".into(),
            operation: None,
            aws_request_id: String::new(),
            attempt_id: attempt.into(),
            probe_id: None,
            role_arn: String::new(),
            bucket: "acme".into(),
            s3_key: None,
            bytes_read: Some(1),
            worker_hostname: None,
            outcome: outcome.into(),
            error_code: None,
            artifact_id: None,
            run_id: None,
            ts: Time::from(Timestamp::now()),
        }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db")).await.unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn the_database_refuses_to_change_or_delete_rows() {
        let (_dir, store) = store().await;
        store.append_audit(&[row("a", "success"), row("b", "success")]).await.unwrap();
        for statement in [
            "UPDATE audit SET outcome = 'success'",
            "DELETE FROM audit",
            "DELETE FROM audit WHERE id = 2",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 1",
            "INSERT INTO audit SELECT 1, workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id,
             probe_id, role_arn, bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id,
             ts FROM audit WHERE id = 2",
        ] {
            let refused = sqlx::query(statement).execute(&store.writer).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
        }
        let rows = store.audit_page(Id::from_u128(1), &AuditFilter::default(), 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 1]);
    }

    #[tokio::test]
    async fn a_commit_that_is_made_again_adds_only_what_is_missing() {
        let (_dir, store) = store().await;
        store.append_audit(&[row("a", "success")]).await.unwrap();
        store.append_audit(&[row("a", "success"), row("b", "success"), row("a", "error")]).await.unwrap();
        let rows = store.audit_page(Id::from_u128(1), &AuditFilter::default(), 10).await.unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.attempt_id.as_str(), row.outcome.as_str())).collect();
        assert_eq!(seen, [("a", "error"), ("b", "success"), ("a", "success")]);
    }
}
