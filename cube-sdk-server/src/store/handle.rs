//! What the EdgeGate service keeps its rows in.

use cube_sdk_core::Result;
#[cfg(feature = "postgres")]
use cube_sdk_core::SecretString;
use cube_sdk_core::file_claim::FileClaim;

#[cfg(feature = "postgres")]
use super::Postgres;
use super::Store;
use super::engine::{Dialect, Engine, reading};
use super::failing;

/// Where EdgeGate keeps workspaces, grants, runs and the audit: an embedded [`Store`] of one process, or PostgreSQL
/// (feature `postgres`) that many share. Clones are the same.
///
/// ```
/// use cube_sdk_core::Clock;
/// use cube_sdk_server::store::{EdgeGateStore, Plan, Role, Store};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = EdgeGateStore::from(Store::open(&dir.path().join("edgegate.sqlite")).await?);
/// let made = store.create_workspace("Acme", Plan::Enterprise, "owner@acme.example", Clock::system()).await?;
/// store.add_member(&made.id, "viewer@acme.example", Role::Viewer, Clock::system()).await?;
/// store.set_plan(&made.id, Plan::Team).await?;
/// store.close().await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct EdgeGateStore(Engine);

impl From<Store> for EdgeGateStore {
    fn from(store: Store) -> Self {
        Self(Engine::Sqlite(store))
    }
}

impl EdgeGateStore {
    /// Connects to a PostgreSQL database and brings its tables up to date. Many processes may do so at once: one of them
    /// does the work.
    ///
    /// A host that is not this machine is spoken to by TLS, its certificate checked (`sslmode=verify-full`) unless the
    /// URL says otherwise; `sslrootcert=FILE` names a CA of one's own.
    ///
    /// ```no_run
    /// # async fn open() -> cube_sdk_core::Result<()> {
    /// use cube_sdk_server::store::EdgeGateStore;
    ///
    /// let url = "postgres://edgegate:secret@db.internal/edgegate?sslrootcert=/etc/ca.pem".to_owned();
    /// let store = EdgeGateStore::postgres(&url.into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Config` for a URL that cannot be read; `Io` when the server cannot be reached or refuses, or when the tables were
    /// made by a newer version.
    #[cfg(feature = "postgres")]
    pub async fn postgres(url: &SecretString) -> Result<Self> {
        Ok(Self(Engine::Postgres(Postgres::connect(url).await?)))
    }

    /// Copies all of an embedded database, which no service may be running on, into an empty one of PostgreSQL. Every row
    /// is read back and compared before anything is kept. The number of rows of each table.
    ///
    /// ```no_run
    /// # async fn moving() -> cube_sdk_core::Result<()> {
    /// use cube_sdk_server::store::{EdgeGateStore, Store};
    ///
    /// let from = Store::open("edgegate.sqlite".as_ref()).await?;
    /// let to = EdgeGateStore::postgres(&"postgres://edgegate@localhost/edgegate".to_owned().into()).await?;
    /// for (table, rows) in to.copy_from(&from).await? {
    ///     println!("{rows} rows of {table}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` when a service runs on the one or rows lie in the other; `Unsupported` when this is no PostgreSQL;
    /// `Integrity` when a row did not come over as it was; `Io` otherwise. Nothing is kept then.
    #[cfg(feature = "postgres")]
    pub async fn copy_from(&self, from: &Store) -> Result<Vec<(&'static str, u64)>> {
        self.as_postgres()?.copy_from(from).await
    }

    /// Writes the audit's months that ended before a time to files `audit_YYYY_MM.ndjson` in a folder, and detaches them:
    /// they are no part of the audit any more, and their tables may be dropped.
    ///
    /// ```no_run
    /// # async fn export() -> cube_sdk_core::Result<()> {
    /// use cube_sdk_server::store::EdgeGateStore;
    ///
    /// let store = EdgeGateStore::postgres(&"postgres://edgegate@localhost/edgegate".to_owned().into()).await?;
    /// for month in store.export_audit("2026-01-01T00:00:00Z".parse()?, "/var/archive".as_ref()).await? {
    ///     println!("{} rows in {}: DROP TABLE {}", month.rows, month.file.display(), month.table);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Conflict` when a file is there already or rows came meanwhile; `Unsupported` when this is no PostgreSQL; `Io`
    /// otherwise. A month that is not told was not detached.
    #[cfg(feature = "postgres")]
    pub async fn export_audit(
        &self,
        before: cube_sdk_core::Timestamp,
        folder: &std::path::Path,
    ) -> Result<Vec<super::ExportedMonth>> {
        self.as_postgres()?.export_months(before, folder).await
    }

    #[cfg(feature = "postgres")]
    fn as_postgres(&self) -> Result<&Postgres> {
        match &self.0 {
            Engine::Postgres(postgres) => Ok(postgres),
            Engine::Sqlite(_) => {
                let message = "an embedded database cannot do this";
                Err(cube_sdk_core::Error::new(cube_sdk_core::ErrorKind::Unsupported, message)
                    .advice("name a database of PostgreSQL"))
            }
        }
    }

    /// Waits for statements in flight and closes the connections. Dropping the store without it loses nothing that was
    /// acknowledged.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite(store) => store.close().await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.pool.close().await,
        }
    }

    /// The time by the database's own clock, which leases are judged by.
    ///
    /// ```
    /// use cube_sdk_server::store::{EdgeGateStore, Store};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let store = EdgeGateStore::from(Store::open(&dir.path().join("edgegate.sqlite")).await?);
    /// assert!(store.clock().await?.as_millisecond() > 1_700_000_000_000);
    /// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `Io` when the database does not answer.
    pub async fn clock(&self) -> Result<cube_sdk_core::Timestamp> {
        let statement = format!("SELECT {}", self.dialect().now);
        let now: i64 = reading!(self, pool => sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(pool).await)
            .map_err(failing("asking the database for the time"))?;
        Ok(cube_sdk_core::Timestamp::from_millisecond(now))
    }

    /// Makes what the coming months need.
    #[allow(clippy::unused_async, reason = "SQLite has nothing to wait for")]
    pub(crate) async fn keep_up(&self) -> Result<()> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.make_partitions().await,
        }
    }

    /// Claims a database that only one service may run on; none where many may.
    pub(crate) fn claim(&self) -> Result<Option<FileClaim>> {
        match &self.0 {
            Engine::Sqlite(store) => store.claim().map(Some),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Ok(None),
        }
    }

    /// Does the database answer, and are its tables those of this program?
    pub(crate) async fn ping(&self) -> Result<()> {
        match &self.0 {
            Engine::Sqlite(store) => store.ping().await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.ping().await,
        }
    }

    /// Tells the other processes on the database.
    #[allow(clippy::unused_async, reason = "SQLite has nothing to wait for")]
    pub(crate) async fn tell(&self, news: &str) -> Result<()> {
        match &self.0 {
            Engine::Sqlite(_) => {
                let _ = news;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.tell(news).await,
        }
    }

    /// Hears what any process on the database tells, until the connection fails. Where there is one process only, nothing.
    pub(crate) async fn listen(&self, heard: impl Fn(&str)) -> Result<()> {
        match &self.0 {
            Engine::Sqlite(_) => {
                let _ = heard;
                std::future::pending().await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.listen(heard).await,
        }
    }

    /// Do other processes write into it beside this one?
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.0, Engine::Sqlite(_))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0
    }

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.0.dialect()
    }
}
