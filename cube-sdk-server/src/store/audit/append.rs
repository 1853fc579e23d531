//! Appends rows. `latest` only grows within a workspace: see the migration that adds it.

use super::super::Store;
use super::NewAuditRow;

pub(super) const SQLITE: &str = "INSERT INTO audit (workspace_id, grant_id, event_type, operation, aws_request_id,
     attempt_id, probe_id, role_arn, bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id,
     ts, latest)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
     max(?17, coalesce((SELECT latest FROM audit INDEXED BY audit_by_time WHERE workspace_id = ?1
     ORDER BY latest DESC LIMIT 1), ?17))
     WHERE NOT EXISTS (SELECT 1 FROM audit WHERE attempt_id = ?6 AND outcome = ?13)";

pub(super) async fn sqlite(store: &Store, rows: &[NewAuditRow]) -> sqlx::Result<()> {
    let mut tx = store.immediate().await?;
    for row in rows {
        sqlx::query(SQLITE)
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
            .await?;
    }
    tx.commit().await
}

/// All rows at once, in their order. The lock on their workspaces makes ids be committed in the order in which they are
/// given, so that a page never gets rows behind its first.
#[cfg(feature = "postgres")]
const POSTGRES: &str = "WITH given AS (
         SELECT *, row_number() OVER (PARTITION BY attempt_id, outcome ORDER BY n) AS again
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) WITH ORDINALITY AS
         given (workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn, bucket,
         s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id, ts, n)),
     heads AS (
         SELECT w.id, (SELECT latest FROM audit a WHERE a.workspace_id = w.id ORDER BY latest DESC LIMIT 1) AS latest
         FROM (SELECT DISTINCT workspace_id AS id FROM given) AS w)
     INSERT INTO audit (workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn,
     bucket, s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id, ts, latest)
     SELECT workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn, bucket, s3_key,
     bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id, ts,
     greatest(heads.latest, max(ts) OVER (PARTITION BY workspace_id ORDER BY n))
     FROM given JOIN heads ON heads.id = workspace_id
     WHERE again = 1 AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.attempt_id = given.attempt_id
     AND a.outcome = given.outcome)
     ORDER BY n";

#[cfg(feature = "postgres")]
pub(super) async fn postgres(store: &super::super::Postgres, rows: &[NewAuditRow]) -> sqlx::Result<()> {
    fn column<T>(rows: &[NewAuditRow], of: impl Fn(&NewAuditRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let workspaces = column(rows, |row| row.workspace_id);
    let mut tx = store.holding(&workspaces).await?;
    sqlx::query(POSTGRES)
        .bind(workspaces)
        .bind(column(rows, |row| row.grant_id))
        .bind(column(rows, |row| row.event_type.clone()))
        .bind(column(rows, |row| row.operation.clone()))
        .bind(column(rows, |row| row.aws_request_id.clone()))
        .bind(column(rows, |row| row.attempt_id.clone()))
        .bind(column(rows, |row| row.probe_id.clone()))
        .bind(column(rows, |row| row.role_arn.clone()))
        .bind(column(rows, |row| row.bucket.clone()))
        .bind(column(rows, |row| row.s3_key.clone()))
        .bind(column(rows, |row| row.bytes_read))
        .bind(column(rows, |row| row.worker_hostname.clone()))
        .bind(column(rows, |row| row.outcome.clone()))
        .bind(column(rows, |row| row.error_code.clone()))
        .bind(column(rows, |row| row.artifact_id))
        .bind(column(rows, |row| row.run_id))
        .bind(column(rows, |row| row.ts))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
