//! The audit's rows before a round: nine of ten are the first workspace's; runs of a thousand rows.

use anyhow::Result;
use cube_sdk_core::{Clock, Timestamp};
use uuid::Uuid;

use crate::database::Bare;

/// Rows of one run.
const OF_RUN: i64 = 1_000;
const STEP: i64 = 250_000;

/// A run in the middle of the rows, and a time within it.
pub(crate) struct Middle {
    pub(crate) run: Uuid,
    pub(crate) since: Timestamp,
}

/// The run that a row of this number belongs to.
fn run_of(row: i64) -> Uuid {
    Uuid::from_u128((2 << 64) + u128::from((row / OF_RUN).unsigned_abs()))
}

pub(crate) async fn fill(bare: &Bare, first: Uuid, other: Uuid, rows: i64) -> Result<Middle> {
    // All within this month, so that they lie in one partition and `latest` is never that of a time to come.
    let now = Clock::system().now().as_millisecond();
    let step = (60_000_000 / rows.max(1)).clamp(1, 1_000);
    let begin = now - rows * step;
    for from in (0..rows).step_by(usize::try_from(STEP)?) {
        let until = rows.min(from + STEP) - 1;
        match bare {
            Bare::Postgres(pool) => {
                sqlx::query(
                    "INSERT INTO audit (workspace_id, event_type, operation, aws_request_id, attempt_id, role_arn, bucket,
                     s3_key, bytes_read, worker_hostname, outcome, run_id, ts, latest)
                     SELECT CASE WHEN i % 10 = 7 THEN $2 ELSE $1 END, 'get_object', 's3.get_object',
                     upper(lpad(to_hex(i * 2654435761), 16, '0')), lpad(to_hex(i), 32, '0'),
                     'arn:aws:iam::111122223333:role/edgegate-byo-read', 'acme-edge-models',
                     'vision/net-' || i % 50 || '.onnx', 8388608, 'worker-3', 'success',
                     ('00000000-0000-0002-0000-' || lpad(to_hex(i / 1000), 12, '0'))::uuid, $5 + i * $6, $5 + i * $6
                     FROM generate_series($3::bigint, $4::bigint) AS i",
                )
                .bind(first)
                .bind(other)
                .bind(from)
                .bind(until)
                .bind(begin)
                .bind(step)
                .execute(pool)
                .await?;
            }
            Bare::Sqlite(pool) => {
                sqlx::query(
                    "WITH RECURSIVE n (i) AS (SELECT ?3 UNION ALL SELECT i + 1 FROM n WHERE i < ?4)
                     INSERT INTO audit (workspace_id, event_type, operation, aws_request_id, attempt_id, role_arn, bucket,
                     s3_key, bytes_read, worker_hostname, outcome, run_id, ts, latest)
                     SELECT CASE WHEN i % 10 = 7 THEN ?2 ELSE ?1 END, 'get_object', 's3.get_object',
                     format('%016X', i * 2654435761), format('%032x', i),
                     'arn:aws:iam::111122223333:role/edgegate-byo-read', 'acme-edge-models',
                     format('vision/net-%d.onnx', i % 50), 8388608, 'worker-3', 'success',
                     format('00000000-0000-0002-0000-%012x', i / 1000), ?5 + i * ?6, ?5 + i * ?6 FROM n",
                )
                .bind(first.to_string())
                .bind(other.to_string())
                .bind(from)
                .bind(until)
                .bind(begin)
                .bind(step)
                .execute(pool)
                .await?;
            }
        }
    }
    if let Bare::Postgres(pool) = bare {
        // As autovacuum would have, had the rows come over days.
        sqlx::query("ANALYZE").execute(pool).await?;
    }
    let middle = rows / 2;
    Ok(Middle {
        run: run_of(middle),
        since: Timestamp::from_millisecond(begin + (middle - middle % OF_RUN) * step - 1),
    })
}
