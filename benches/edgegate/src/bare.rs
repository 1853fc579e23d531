//! What the database does without the service: the bound of each figure.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::database::Bare;
use crate::fill::Middle;
use crate::load::Times;

/// Connections that write; SQLite has one writer.
const WRITERS: usize = 10;

const COLUMNS: &str = "workspace_id, event_type, operation, aws_request_id, attempt_id, role_arn, bucket, s3_key,
     bytes_read, worker_hostname, outcome, ts, latest";

/// Audit rows per second by plain INSERTs, so many a commit.
pub(crate) async fn rows(bare: &Bare, workspace: Uuid, a_commit: i64, time: Duration) -> Result<f64> {
    let (began, mut writers) = (Instant::now(), JoinSet::new());
    let count = if matches!(bare, Bare::Sqlite(_)) { 1 } else { WRITERS };
    for _ in 0..count {
        let bare = bare.clone();
        writers.spawn(async move {
            let mut written = 0;
            while began.elapsed() < time {
                insert(&bare, workspace, a_commit).await?;
                written += a_commit;
            }
            Ok::<_, anyhow::Error>(written)
        });
    }
    let mut written = 0;
    while let Some(done) = writers.join_next().await {
        written += done??;
    }
    Ok(written as f64 / began.elapsed().as_secs_f64())
}

async fn insert(bare: &Bare, workspace: Uuid, rows: i64) -> Result<()> {
    let now = cube_sdk_core::Timestamp::now().as_millisecond();
    match bare {
        Bare::Postgres(pool) => {
            let statement = format!(
                "INSERT INTO audit ({COLUMNS}) SELECT $1, 'get_object', 's3.get_object', '0123456789ABCDEF',
                 gen_random_uuid()::text, 'arn:aws:iam::111122223333:role/read', 'acme-models', 'model.bin', 1024, 'worker',
                 'success', $2, $2 FROM generate_series(1, $3::bigint)"
            );
            sqlx::query(sqlx::AssertSqlSafe(statement)).bind(workspace).bind(now).bind(rows).execute(pool).await?;
        }
        Bare::Sqlite(pool) => {
            let statement = format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
                 INSERT INTO audit ({COLUMNS}) SELECT ?1, 'get_object', 's3.get_object', '0123456789ABCDEF',
                 hex(randomblob(16)), 'arn:aws:iam::111122223333:role/read', 'acme-models', 'model.bin', 1024, 'worker',
                 'success', ?2, ?2 FROM n"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(statement));
            query.bind(workspace.to_string()).bind(now).bind(rows).execute(pool).await?;
        }
    }
    Ok(())
}

/// The page of the newest rows, and the filtered one, by one connection.
pub(crate) async fn pages(bare: &Bare, workspace: Uuid, middle: &Middle, count: usize) -> Result<(Times, Times)> {
    let newest = "SELECT * FROM audit WHERE workspace_id = $1 ORDER BY id DESC LIMIT 101";
    let filtered = "SELECT * FROM audit WHERE workspace_id = $1 AND run_id = $2 AND ts > $3 ORDER BY id DESC LIMIT 101";
    let since = middle.since.as_millisecond();
    let (mut of_newest, mut of_filtered) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let began = Instant::now();
        match bare {
            Bare::Postgres(pool) => drop(sqlx::query(newest).bind(workspace).fetch_all(pool).await?),
            Bare::Sqlite(pool) => drop(sqlx::query(newest).bind(workspace.to_string()).fetch_all(pool).await?),
        }
        of_newest.push(began.elapsed());
        let began = Instant::now();
        match bare {
            Bare::Postgres(pool) => {
                let query = sqlx::query(filtered).bind(workspace).bind(middle.run).bind(since);
                drop(query.fetch_all(pool).await?);
            }
            Bare::Sqlite(pool) => {
                let query = sqlx::query(filtered).bind(workspace.to_string()).bind(middle.run.to_string()).bind(since);
                drop(query.fetch_all(pool).await?);
            }
        }
        of_filtered.push(began.elapsed());
    }
    Ok((Times::of(of_newest), Times::of(of_filtered)))
}
