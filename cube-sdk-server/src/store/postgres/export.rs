//! Old months of the audit leave the database: written to a file first, then detached.

use std::path::{Path, PathBuf};

use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use tokio::fs::{self, OpenOptions};
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::Postgres;
use crate::store::failing;

/// A month of the audit that was written to a file and detached.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExportedMonth {
    /// The table, which is no part of the audit any more and may be dropped: `audit_2026_01`.
    pub table: String,
    /// Its rows, one JSON object a line, in the order of their ids.
    pub file: PathBuf,
    /// How many.
    pub rows: u64,
}

impl Postgres {
    pub(crate) async fn export_months(&self, before: Timestamp, folder: &Path) -> Result<Vec<ExportedMonth>> {
        let months: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'audit'::regclass AND c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
             AND to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month'
             <= to_timestamp($1::BIGINT / 1000) AT TIME ZONE 'UTC' ORDER BY 1",
        )
        .bind(before.as_millisecond())
        .fetch_all(&self.pool)
        .await
        .map_err(failing("listing the audit's months"))?;
        let mut exported = Vec::with_capacity(months.len());
        for table in months {
            exported.push(self.export_month(table, folder).await?);
        }
        Ok(exported)
    }

    async fn export_month(&self, table: String, folder: &Path) -> Result<ExportedMonth> {
        let file = folder.join(format!("{table}.ndjson"));
        let rows = self.write_month(&table, &file).await?;
        let doing = failing("detaching a month of the audit");
        let mut tx = self.begin().await.map_err(&doing)?;
        // Readers and writers of the audit wait for this: not for long.
        sqlx::query("SET LOCAL lock_timeout = '5s'").execute(&mut *tx).await.map_err(&doing)?;
        let detach = format!("ALTER TABLE audit DETACH PARTITION {table}");
        sqlx::query(AssertSqlSafe(detach)).execute(&mut *tx).await.map_err(&doing)?;
        let count = format!("SELECT count(*) FROM {table}");
        let there: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *tx).await.map_err(&doing)?;
        if there.unsigned_abs() != rows {
            let message = format!("{table} has {there} rows, {rows} were written to {}", file.display());
            return Err(Error::new(ErrorKind::Conflict, message)
                .advice("rows came meanwhile, and nothing was detached: delete the file and try again"));
        }
        tx.commit().await.map_err(&doing)?;
        Ok(ExportedMonth { table, file, rows })
    }

    /// Writes the file whole or not at all; how many rows.
    async fn write_month(&self, table: &str, path: &Path) -> Result<u64> {
        let doing = failing("reading a month of the audit");
        let writing = |cause| Error::io(format!("writing {}", path.display()), cause);
        if fs::try_exists(path).await.map_err(writing)? {
            return Err(Error::new(ErrorKind::Conflict, format!("{} is there already", path.display()))
                .advice("nothing was detached: put it elsewhere, or name another folder"));
        }
        let part = path.with_extension("part");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&part).await.map_err(writing)?;
        let mut out = BufWriter::new(file);
        let select = format!("SELECT row_to_json(t)::text FROM {table} t ORDER BY id");
        let mut lines = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch(&self.pool);
        let mut rows = 0;
        while let Some(line) = lines.try_next().await.map_err(&doing)? {
            out.write_all(line.as_bytes()).await.map_err(writing)?;
            out.write_all(b"\n").await.map_err(writing)?;
            rows += 1;
        }
        out.flush().await.map_err(writing)?;
        out.into_inner().sync_all().await.map_err(writing)?;
        fs::rename(&part, path).await.map_err(writing)?;
        Ok(rows)
    }
}
