//! Who executes a run: it is claimed for the time of a lease, by a fence that grows with each claim. Whatever its holder
//! writes names the fence, and is refused once the lease is over, by the database's own clock.

use std::time::Duration;

use cube_sdk_core::Result;
use sqlx::AssertSqlSafe;

use super::engine::{reading, transaction, writing};
use super::{CellEnd, EdgeGateStore, Id, Json, RunEnd, Time, failing};

/// A run that this process may execute, as long as its lease is renewed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) run: Id,
    pub(crate) fence: i64,
}

/// Who ends a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ender {
    /// Whoever asks for it.
    Anyone,
    /// Who executes it.
    Holder(Held),
    /// Who found that its holder of this fence has not renewed its lease.
    Heir(Held),
}

impl EdgeGateStore {
    /// How long a claim holds without being renewed; none where it ends with this process only.
    pub(crate) fn lease(&self) -> Option<Duration> {
        self.is_shared().then(|| Duration::from_millis(self.dialect().lease.parse().unwrap_or_default()))
    }

    /// Claims the queued run whose turn it is: of the workspace with the fewest runs in progress, the oldest.
    pub(crate) async fn claim_run(&self, holder: Id, now: Time) -> Result<Option<Held>> {
        let words = self.dialect();
        let statement = format!(
            "UPDATE runs SET status = 'preparing', fence = fence + 1, lease_until = {} + {}, holder = $1, updated_at = $2
             WHERE completed_at IS NULL AND status = 'queued' AND id = (SELECT r.id FROM runs r
             WHERE r.completed_at IS NULL AND r.status = 'queued' ORDER BY (SELECT count(*) FROM runs o
             WHERE o.workspace_id = r.workspace_id AND o.completed_at IS NULL AND o.status <> 'queued'), r.seq
             LIMIT 1 {}) RETURNING id, fence",
            words.now, words.lease, words.skip_locked
        );
        let claimed: Option<(Id, i64)> = writing!(self, pool => sqlx::query_as(AssertSqlSafe(statement))
            .bind(holder)
            .bind(now)
            .fetch_optional(pool)
            .await)
        .map_err(failing("claiming a run"))?;
        Ok(claimed.map(|(run, fence)| Held { run, fence }))
    }

    /// Holds on to a run for another lease; false when it has ended or is no longer this holder's.
    pub(crate) async fn renew_lease(&self, held: Held) -> Result<bool> {
        let words = self.dialect();
        let statement = format!(
            "UPDATE runs SET lease_until = {now} + {} WHERE id = $1 AND fence = $2 AND completed_at IS NULL
             AND lease_until > {now}",
            words.lease,
            now = words.now
        );
        let done = writing!(self, pool => sqlx::query(AssertSqlSafe(statement))
            .bind(held.run)
            .bind(held.fence)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
        .map_err(failing("renewing a lease"))?;
        Ok(done == 1)
    }

    /// Gives up what a holder still has: others need not wait for its leases. Without a holder: what anyone has.
    pub(crate) async fn give_up_leases(&self, holder: Option<Id>) -> Result<()> {
        writing!(self, pool => sqlx::query(
            "UPDATE runs SET lease_until = 0
             WHERE completed_at IS NULL AND status <> 'queued' AND ($1 IS NULL OR holder = $1)",
        )
        .bind(holder)
        .execute(pool)
        .await
        .map(drop))
        .map_err(failing("giving up leases"))
    }

    /// The runs in progress whose holder let its lease pass, or that never had one.
    pub(crate) async fn orphaned_runs(&self) -> Result<Vec<Held>> {
        let statement = format!(
            "SELECT id, fence FROM runs WHERE completed_at IS NULL AND status <> 'queued'
             AND (lease_until IS NULL OR lease_until <= {}) ORDER BY seq",
            self.dialect().now
        );
        let found: Vec<(Id, i64)> =
            reading!(self, pool => sqlx::query_as(AssertSqlSafe(statement)).fetch_all(pool).await)
                .map_err(failing("listing the runs that were left"))?;
        Ok(found.into_iter().map(|(run, fence)| Held { run, fence }).collect())
    }

    /// How many runs wait to be claimed, of all workspaces.
    pub(crate) async fn queued_runs(&self) -> Result<i64> {
        let statement = "SELECT count(*) FROM runs WHERE completed_at IS NULL AND status = 'queued'";
        reading!(self, pool => sqlx::query_scalar(statement).fetch_one(pool).await)
            .map_err(failing("counting the runs that wait"))
    }

    /// Moves a run in progress on to another status; false when it has ended or is no longer this holder's.
    pub(crate) async fn advance_run(&self, held: Held, status: &'static str, now: Time) -> Result<bool> {
        let statement = format!("UPDATE runs SET status = $3, updated_at = $4 WHERE {}", self.holds("runs", 1, 2));
        let done = writing!(self, pool => sqlx::query(AssertSqlSafe(statement))
            .bind(held.run)
            .bind(held.fence)
            .bind(status)
            .bind(now)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
        .map_err(failing("moving a run on"))?;
        Ok(done == 1)
    }

    /// Notes that a cell began, once more if its holder says it twice; false when the run has ended or is no longer this
    /// holder's.
    pub(crate) async fn begin_cell(&self, held: Held, position: i64, now: Time) -> Result<bool> {
        let statement = format!(
            "UPDATE cells SET status = 'running', started_at = $3 WHERE run_id = $1 AND position = $4
             AND completed_at IS NULL AND EXISTS (SELECT 1 FROM runs r WHERE {})",
            self.holds("r", 1, 2)
        );
        let done = writing!(self, pool => sqlx::query(AssertSqlSafe(statement))
            .bind(held.run)
            .bind(held.fence)
            .bind(now)
            .bind(position)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
        .map_err(failing("starting a cell"))?;
        Ok(done == 1)
    }

    /// Keeps a cell's one result; the same said twice is the same result. False when the run has ended or is no longer
    /// this holder's.
    pub(crate) async fn end_cell(&self, held: Held, position: i64, end: &CellEnd, now: Time) -> Result<bool> {
        let statement = format!(
            "UPDATE cells SET status = $3, error_code = $4, error_detail = $5, metrics = $6, gates = $7, sha256 = $8,
             size_bytes = $9, completed_at = $10 WHERE run_id = $1 AND position = $11
             AND (completed_at IS NULL OR completed_at = $10 AND status = $3) AND EXISTS (SELECT 1 FROM runs r WHERE {})",
            self.holds("r", 1, 2)
        );
        let done = writing!(self, pool => sqlx::query(AssertSqlSafe(statement))
            .bind(held.run)
            .bind(held.fence)
            .bind(if end.passed { "passed" } else { "failed" })
            .bind(&end.error_code)
            .bind(&end.error_detail)
            .bind(end.metrics.as_ref().map(Json))
            .bind(end.gates.as_ref().map(Json))
            .bind(&end.sha256)
            .bind(end.size_bytes)
            .bind(now)
            .bind(position)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
        .map_err(failing("ending a cell"))?;
        Ok(done == 1)
    }

    /// Ends a run: cells that did not end fail with the run's code, the bundle is stored, the workspace's slot
    /// is free. False when it had ended before, or is not this ender's to end.
    pub(crate) async fn end_run(&self, workspace: Id, run: Id, ender: Ender, end: &RunEnd, now: Time) -> Result<bool> {
        let doing = failing("ending a run");
        let (fence, whose) = match ender {
            Ender::Anyone => (None, "id = $8 AND completed_at IS NULL AND $9 IS NULL".to_owned()),
            Ender::Holder(held) => (Some(held.fence), self.holds("runs", 8, 9)),
            Ender::Heir(held) => {
                let now = self.dialect().now;
                let lapsed = format!("(lease_until IS NULL OR lease_until <= {now})");
                (Some(held.fence), format!("id = $8 AND fence = $9 AND completed_at IS NULL AND {lapsed}"))
            }
        };
        let statement = format!(
            "UPDATE runs SET status = $1, error_code = $2, error_detail = $3, normalized_metrics = $4, gates_eval = $5,
             bundle_artifact_id = $6, updated_at = $7, completed_at = $7 WHERE {whose}"
        );
        transaction!(self, workspace, &doing, tx => {
            let done = sqlx::query(AssertSqlSafe(statement))
                .bind(end.status)
                .bind(&end.error_code)
                .bind(&end.error_detail)
                .bind(end.normalized_metrics.as_ref().map(Json))
                .bind(end.gates_eval.as_ref().map(Json))
                .bind(end.bundle.as_ref().map(|(id, _, _)| *id))
                .bind(now)
                .bind(run)
                .bind(fence)
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(
                "UPDATE cells SET status = 'failed', error_code = $1, completed_at = $2
                 WHERE run_id = $3 AND completed_at IS NULL",
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
                     content, created_at) SELECT $1, workspace_id, 'bundle', $2, $3, $4, 'bundle-' || id || '.json', $5,
                     $6 FROM runs WHERE id = $7",
                )
                .bind(*id)
                .bind(format!("edgegate://bundles/{id}"))
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
        })
    }

    /// The condition that the run of parameter `id` is still held by the fence of parameter `fence`.
    fn holds(&self, runs: &str, id: u8, fence: u8) -> String {
        let now = self.dialect().now;
        format!(
            "{runs}.id = ${id} AND {runs}.fence = ${fence} AND {runs}.completed_at IS NULL AND {runs}.lease_until > {now}"
        )
    }
}
