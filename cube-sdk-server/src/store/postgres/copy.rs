//! An embedded database moves here: every row is copied, and read back and compared before anything is committed.

use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Postgres as Pg, Row, Transaction};

use super::Postgres;
use crate::store::{Store, failing};

/// Tables in an order in which each names only rows of those before it, with what their rows are told apart by.
const TABLES: [(&str, &str); 11] = [
    ("users", "id"),
    ("workspaces", "id"),
    ("members", "workspace_id, user_id"),
    ("api_keys", "id"),
    ("grants", "id"),
    ("artifacts", "id"),
    ("promptpacks", "id"),
    ("pipelines", "id"),
    ("runs", "seq"),
    ("cells", "run_id, position"),
    ("audit", "id"),
];
/// Rows of one statement.
const BATCH: usize = 500;

/// A column, with how both engines write it as the same text and how PostgreSQL reads that.
struct Column {
    name: String,
    kind: String,
}

impl Column {
    fn of_sqlite(&self) -> String {
        match self.kind.as_str() {
            "bytea" => format!("lower(hex({0})) AS {0}", self.name),
            _ => format!("CAST({0} AS TEXT) AS {0}", self.name),
        }
    }

    fn of_postgres(&self) -> String {
        match self.kind.as_str() {
            "bytea" => format!("encode({}, 'hex')", self.name),
            "boolean" => format!("{}::int::text", self.name),
            _ => format!("{}::text", self.name),
        }
    }

    fn read(&self) -> String {
        match self.kind.as_str() {
            "bytea" => format!("decode({}, 'hex')", self.name),
            "boolean" => format!("{}::int::boolean", self.name),
            kind => format!("{}::{kind}", self.name),
        }
    }
}

impl Postgres {
    /// Copies all of `from` into tables that are empty; the number of rows of each table.
    pub(crate) async fn copy_from(&self, from: &Store) -> Result<Vec<(&'static str, u64)>> {
        let _claim = from.claim()?;
        let doing = failing("copying the database");
        let mut tx = self.begin().await.map_err(&doing)?;
        // Reading the file may take its time.
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *tx).await.map_err(&doing)?;
        let filled: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM audit)")
            .fetch_one(&mut *tx)
            .await
            .map_err(&doing)?;
        if filled {
            let message = format!("the database {} is not empty", self.shown);
            return Err(Error::new(ErrorKind::Conflict, message).advice("copy into a new one: nothing is merged"));
        }
        let months: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT min(ts), max(ts) FROM audit").fetch_one(&from.reader).await.map_err(&doing)?;
        if let (Some(first), Some(last)) = months {
            sqlx::query(
                "SELECT audit_make_partitions(month) FROM generate_series(
                 date_trunc('month', to_timestamp($1::BIGINT / 1000)), to_timestamp($2::BIGINT / 1000),
                 interval '1 month') AS month",
            )
            .bind(first)
            .bind(last)
            .execute(&mut *tx)
            .await
            .map_err(&doing)?;
        }
        // Ids of the audit stay: the right to write them is lent to this transaction alone.
        sqlx::query("GRANT INSERT (id) ON audit TO CURRENT_USER").execute(&mut *tx).await.map_err(&doing)?;
        let mut copied = Vec::new();
        for (table, key) in TABLES {
            let columns = columns(&mut tx, table).await.map_err(&doing)?;
            copied.push((table, copy(from, &mut tx, table, key, &columns).await?));
            compare(from, &mut tx, table, key, &columns).await?;
        }
        for statement in [
            "REVOKE INSERT (id) ON audit FROM CURRENT_USER",
            "SELECT setval('audit_ids', (SELECT coalesce(max(id), 0) + 1 FROM audit), FALSE)",
            "SELECT setval(pg_get_serial_sequence('runs', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM runs), FALSE)",
        ] {
            sqlx::query(statement).execute(&mut *tx).await.map_err(&doing)?;
        }
        tx.commit().await.map_err(&doing)?;
        Ok(copied)
    }
}

async fn columns(tx: &mut Transaction<'_, Pg>, table: &str) -> sqlx::Result<Vec<Column>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1 AND column_name <> 'rowid' ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(&mut **tx)
    .await?;
    Ok(found.into_iter().map(|(name, kind)| Column { name, kind }).collect())
}

fn list(columns: &[Column], form: impl Fn(&Column) -> String) -> String {
    columns.iter().map(form).collect::<Vec<_>>().join(", ")
}

/// The order in which rows came, where the table keeps it.
fn as_they_came<'a>(table: &str, key: &'a str) -> &'a str {
    if matches!(table, "members" | "cells") { key } else { "rowid" }
}

async fn copy(from: &Store, tx: &mut Transaction<'_, Pg>, table: &str, key: &str, columns: &[Column]) -> Result<u64> {
    let doing = failing("copying the database");
    let order = as_they_came(table, key);
    let select = format!("SELECT {} FROM {table} ORDER BY {order}", list(columns, Column::of_sqlite));
    let arrays = (1..=columns.len()).map(|n| format!("${n}::text[]")).collect::<Vec<_>>().join(", ");
    let names = list(columns, |column| column.name.clone());
    let insert = format!(
        "INSERT INTO {table} ({names}) SELECT {} FROM unnest({arrays}) WITH ORDINALITY AS given ({names}, n) ORDER BY n",
        list(columns, Column::read)
    );
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&from.reader);
    let mut copied = 0;
    loop {
        let mut batch: Vec<Vec<Option<String>>> = vec![Vec::new(); columns.len()];
        let mut size = 0;
        while size < BATCH {
            let Some(row) = rows.try_next().await.map_err(&doing)? else { break };
            for (index, values) in batch.iter_mut().enumerate() {
                values.push(row.try_get(index).map_err(&doing)?);
            }
            size += 1;
        }
        if size == 0 {
            return Ok(copied);
        }
        let mut query = sqlx::query(AssertSqlSafe(insert.clone()));
        for values in batch {
            query = query.bind(values);
        }
        query.execute(&mut **tx).await.map_err(&doing)?;
        copied += size as u64;
    }
}

/// Reads both sides in one order and compares every value.
async fn compare(from: &Store, tx: &mut Transaction<'_, Pg>, table: &str, key: &str, columns: &[Column]) -> Result<()> {
    let doing = failing("comparing the databases");
    let given = format!("SELECT {} FROM {table} AS t ORDER BY {}", list(columns, Column::of_sqlite), qualified(key));
    let kept = format!("SELECT {} FROM {table} AS t ORDER BY {}", list(columns, Column::of_postgres), qualified(key));
    let mut given = sqlx::query(AssertSqlSafe(given)).fetch(&from.reader);
    let mut kept = sqlx::query(AssertSqlSafe(kept)).fetch(&mut **tx);
    let mut number = 0_u64;
    loop {
        number += 1;
        let (left, right) = (given.try_next().await.map_err(&doing)?, kept.try_next().await.map_err(&doing)?);
        let differs = |what: &str| {
            let message = format!("row {number} of {table} did not come over as it was: {what}");
            Error::new(ErrorKind::Integrity, message)
                .advice("nothing was kept: report it with the versions of both databases")
        };
        let (left, right) = match (left, right) {
            (None, None) => return Ok(()),
            (Some(left), Some(right)) => (left, right),
            _ => return Err(differs("their numbers differ")),
        };
        for (index, column) in columns.iter().enumerate() {
            let left: Option<String> = left.try_get(index).map_err(&doing)?;
            let right: Option<String> = right.try_get(index).map_err(&doing)?;
            if left != right {
                return Err(differs(&column.name));
            }
        }
    }
}

/// The columns themselves, not the texts that are selected under their names.
fn qualified(key: &str) -> String {
    key.split(", ").map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", ")
}
