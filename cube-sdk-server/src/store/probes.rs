//! Which probe of a grant runs, told to every process: one at a time, and whoever asks for the same gets its outcome.

use cube_sdk_core::Result;
use sqlx::AssertSqlSafe;

use super::engine::{reading, writing};
use super::{EdgeGateStore, Id, Time, failing};

/// Longer than a probe takes; a process that dies meanwhile keeps others waiting until then.
const PROBE_LEASE_MS: i64 = 30_000;

/// The probe of a grant that was begun last.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Probing {
    pub(crate) probe_fence: i64,
    /// Why it ended without a verdict.
    pub(crate) probe_fault: Option<String>,
    pub(crate) runs: bool,
    /// It was given up, or its process was lost.
    pub(crate) lapsed: bool,
}

impl EdgeGateStore {
    /// Begins a probe and returns its fence; none while the same probe runs already. With `due`, only when the last one
    /// was before that time. A probe of another role or External ID is superseded: its verdict will be refused.
    pub(crate) async fn begin_probe(&self, grant: Id, with: &str, due: Option<Time>) -> Result<Option<i64>> {
        let now = self.dialect().now;
        let statement = format!(
            "UPDATE grants SET probe_fence = probe_fence + 1, probe_until = {now} + {PROBE_LEASE_MS}, probe_with = $2,
             probe_fault = NULL WHERE id = $1 AND status <> 'revoked'
             AND (probe_until IS NULL OR probe_until <= {now} OR probe_with <> $2)
             AND ($3 IS NULL OR coalesce(last_probed_at, created_at) <= $3) RETURNING probe_fence"
        );
        writing!(self, pool => sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(grant)
            .bind(with)
            .bind(due)
            .fetch_optional(pool)
            .await)
        .map_err(failing("beginning a probe"))
    }

    /// Gives up a probe that was not finished.
    pub(crate) async fn give_up_probe(&self, grant: Id, fence: i64) -> Result<()> {
        writing!(self, pool => sqlx::query("UPDATE grants SET probe_until = 0 WHERE id = $1 AND probe_fence = $2")
            .bind(grant)
            .bind(fence)
            .execute(pool)
            .await
            .map(drop))
        .map_err(failing("giving up a probe"))
    }

    /// The probe of a grant that was begun last; none when the grant is gone.
    pub(crate) async fn probing(&self, grant: Id) -> Result<Option<Probing>> {
        let statement = format!(
            "SELECT probe_fence, probe_fault, coalesce(probe_until > {now}, FALSE) AS runs,
             coalesce(probe_until <= {now}, FALSE) AS lapsed FROM grants WHERE id = $1 AND status <> 'revoked'",
            now = self.dialect().now
        );
        reading!(self, pool => sqlx::query_as(AssertSqlSafe(statement)).bind(grant).fetch_optional(pool).await)
            .map_err(failing("looking at a probe"))
    }
}
