//! PostgreSQL: one pool, READ COMMITTED, and one advisory lock a workspace where a transaction reads before it writes.

mod column;
mod copy;
mod export;

use std::time::Duration;

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{Executor as _, Postgres as Pg, Transaction};
use url::Url;

pub use self::export::ExportedMonth;
use super::{Id, failed, failing};

/// Connections of one process.
const CONNECTIONS: u32 = 10;
/// How long a statement waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a transaction may rest between two statements. The process was stopped, or is cut off; without this limit
/// whatever it had locked stays locked for all others. Shorter than a lease.
const REST: &str = "SET idle_in_transaction_session_timeout = '10s'";
/// Advisory locks on workspaces, apart from those that others may use in the same database.
const WORKSPACES: i32 = 0x6567_7773;

/// Where processes tell each other what they need not wait to find.
const CHANNEL: &str = "edgegate";

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

/// A pool of connections.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    pub(super) pool: PgPool,
    /// Where it is, without password.
    shown: String,
}

impl Postgres {
    pub(super) async fn connect(url: &SecretString) -> Result<Self> {
        let (options, shown) = options(url.expose_secret())?;
        let opening = |what: &str| format!("{what} the database {shown}");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| Box::pin(async move { connection.execute(REST).await.map(drop) }))
            .connect_with(options)
            .await
            .map_err(|cause| {
                failed(opening("connecting to"), cause).advice("is it up, and are host, name and password right?")
            })?;
        MIGRATIONS.run(&pool).await.map_err(|cause| {
            Error::new(ErrorKind::Io, opening("bringing up to date"))
                .advice("use the version of the server that made the tables, or a newer one")
                .cause(cause)
        })?;
        let postgres = Self { pool, shown };
        postgres.make_partitions().await?;
        Ok(postgres)
    }

    /// A transaction. Its begin outlives a caller who goes away: sqlx 0.9.0 gives a connection whose `BEGIN` was not waited
    /// for back to the pool within the transaction (sqlx#4393), where the statements of others are lost or refused.
    pub(super) async fn begin(&self) -> sqlx::Result<Transaction<'static, Pg>> {
        let pool = self.pool.clone();
        match tokio::spawn(async move { pool.begin().await }).await {
            Ok(begun) => begun,
            Err(ended) => Err(sqlx::Error::Io(std::io::Error::other(ended))),
        }
    }

    /// A transaction that has these workspaces to itself until it ends.
    pub(super) async fn holding(&self, workspaces: &[Id]) -> sqlx::Result<Transaction<'static, Pg>> {
        let mut keys: Vec<i32> = workspaces.iter().map(|id| lock_of(*id)).collect();
        // One order for all, so that no two wait for each other.
        keys.sort_unstable();
        keys.dedup();
        let mut tx = self.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1, key) FROM unnest($2) AS key")
            .bind(WORKSPACES)
            .bind(keys)
            .execute(&mut *tx)
            .await?;
        Ok(tx)
    }

    /// Does it answer, as one that can be written to and has our tables?
    pub(super) async fn ping(&self) -> Result<()> {
        let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
        let (standby, version): (bool, Option<i64>) =
            sqlx::query_as("SELECT pg_is_in_recovery(), (SELECT max(version) FROM _sqlx_migrations WHERE success)")
                .fetch_one(&self.pool)
                .await
                .map_err(failing("asking the database"))?;
        if standby {
            let message = "the database is a standby, which takes no writes";
            return Err(Error::new(ErrorKind::Io, message).with_target(&self.shown).advice("connect to the primary"));
        }
        if version < newest {
            let message = format!("its tables are of version {version:?}, not {newest:?}");
            return Err(Error::new(ErrorKind::Io, message)
                .with_target(&self.shown)
                .advice("start the service again: it brings them up to date"));
        }
        Ok(())
    }

    pub(super) async fn tell(&self, news: &str) -> Result<()> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(news)
            .execute(&self.pool)
            .await
            .map_err(failing("telling the other processes"))
            .map(drop)
    }

    pub(super) async fn listen(&self, heard: impl Fn(&str)) -> Result<()> {
        let doing = failing("listening to the other processes");
        let mut listener = PgListener::connect_with(&self.pool).await.map_err(&doing)?;
        listener.listen(CHANNEL).await.map_err(&doing)?;
        loop {
            heard(listener.recv().await.map_err(&doing)?.payload());
        }
    }

    /// The audit's partitions of this month and the next two.
    pub(crate) async fn make_partitions(&self) -> Result<()> {
        sqlx::query("SELECT audit_make_partitions(now() + i * interval '1 month') FROM generate_series(0, 2) AS i")
            .execute(&self.pool)
            .await
            .map_err(failing("making the audit's partitions"))
            .map(drop)
    }
}

/// 32 bits of a random id: two workspaces that share them only wait for each other.
fn lock_of(id: Id) -> i32 {
    let [.., a, b, c, d] = *id.0.as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

/// How to connect, and what may be shown of it.
fn options(text: &str) -> Result<(PgConnectOptions, String)> {
    let wrong = |why: String| {
        Error::new(ErrorKind::Config, format!("the database's URL cannot be used: {why}"))
            .advice("write postgres://USER:PASSWORD@HOST/NAME")
    };
    let url = Url::parse(text).map_err(|cause| wrong(cause.to_string()))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(wrong(format!("its scheme is {}", url.scheme())));
    }
    let mut options: PgConnectOptions = text.parse().map_err(|cause: sqlx::Error| wrong(cause.to_string()))?;
    let host = options.get_host().to_owned();
    let here = host == "localhost"
        || host.starts_with('/')
        || options.get_socket().is_some()
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let said = url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
    if !here && !said {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    let name = options.get_database().unwrap_or(options.get_username());
    let shown = format!("postgres://{}@{host}:{}/{name}", options.get_username(), options.get_port());
    let options = options.application_name("cube-server").statement_cache_capacity(200);
    Ok((options, shown))
}

#[cfg(test)]
mod tests;
