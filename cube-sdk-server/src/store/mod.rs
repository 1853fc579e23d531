//! Where the services keep their rows: an embedded SQLite database in WAL mode with one writer and many readers
//! ([`Store`]), and for EdgeGate also PostgreSQL ([`EdgeGateStore`]).
//!
//! Every commit is on disk before it is acknowledged (`synchronous = FULL`), so state survives kill -9.
//! The audit table refuses UPDATE and DELETE by triggers.

mod accounts;
mod artifacts;
mod audit;
pub(crate) mod cloud;
mod column;
pub(crate) mod definition;
mod engine;
mod grants;
mod handle;
mod keys;
mod leases;
mod pipelines;
#[cfg(feature = "postgres")]
mod postgres;
mod probes;
mod promptpacks;
mod runs;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::{Error, ErrorKind, Result, private_file};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

#[cfg(feature = "dynamodb")]
pub(crate) use self::keys::USED_GRANULARITY;
pub use accounts::{NewWorkspace, Plan, Role};
pub(crate) use accounts::{User, WorkspaceRow};
pub(crate) use artifacts::{ArtifactRow, NewByoArtifact};
pub(crate) use audit::{AuditFilter, AuditRow, NewAuditRow};
pub use cloud::CloudStore;
pub(crate) use column::{Id, Json, Time};
pub(crate) use grants::{GrantRow, GrantStatus, ProbeOutcome};
pub use handle::EdgeGateStore;
pub(crate) use keys::KeyRow;
pub(crate) use leases::{Ender, Held};
pub(crate) use pipelines::{LastRun, PipelineRow};
#[cfg(feature = "postgres")]
pub use postgres::ExportedMonth;
#[cfg(feature = "postgres")]
pub(crate) use postgres::Postgres;
pub(crate) use probes::Probing;
pub(crate) use promptpacks::PromptpackRow;
pub(crate) use runs::{CellEnd, CellRow, NewCell, NewRun, RunEnd, RunRow};

/// Read connections beside the one that writes.
const READERS: u32 = 4;
/// How long a statement waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(10);

/// An embedded database of one process; clones share its connections. Services take it as [`EdgeGateStore`] and
/// [`CloudStore`].
///
/// ```
/// use cube_sdk_core::Clock;
/// use cube_sdk_server::store::Store;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = Store::open(&dir.path().join("cloud.sqlite")).await?; // made if absent
/// let key = store.create_key("ops", &["admin".to_owned()], "first", None, Clock::system()).await?;
/// println!("{:?} is told this once", key.api_key);
/// store.close().await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    path: Arc<Path>,
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Store {
    /// Opens the database at `path`, makes it if absent, and brings its tables up to date.
    ///
    /// # Errors
    /// `Io` when the file cannot be opened or written, is no SQLite database, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let opening = |what: &str| format!("{what} the database {}", path.display());
        // SQLite gives its other files the same mode.
        private(path).map_err(|cause| Error::io(opening("opening"), cause))?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(|cause| failed(opening("opening"), cause))?;
        sqlx::migrate!("./migrations").run(&writer).await.map_err(|cause| {
            Error::new(ErrorKind::Io, opening("bringing up to date"))
                .advice("use the version of the server that made the database, or a newer one")
                .cause(cause)
        })?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await
            .map_err(|cause| failed(opening("opening for reading"), cause))?;
        Ok(Self { path: path.into(), writer, reader })
    }

    /// Claims the database for one service: two would end each other's runs. The claim ends with the file, also by
    /// kill -9. Other processes may go on to administer the database.
    pub(crate) fn claim(&self) -> Result<FileClaim> {
        let mut lock = self.path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = Path::new(&lock);
        let file = private(lock).map_err(|cause| Error::io(format!("opening {}", lock.display()), cause))?;
        match FileClaim::take(file) {
            Ok(Some(claim)) => Ok(claim),
            Ok(None) => {
                let message = format!("another service runs on the database {}", self.path.display());
                Err(Error::new(ErrorKind::Conflict, message).advice("stop it first, or use another database"))
            }
            Err(cause) => Err(Error::io(format!("locking {}", lock.display()), cause)),
        }
    }

    /// A transaction that may write from its first statement on: one that begins by reading is refused, without waiting,
    /// when another process has written meanwhile.
    pub(crate) async fn immediate(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Does the database answer?
    pub(crate) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.reader).await.map(drop).map_err(failing("asking the database"))
    }

    /// Waits for statements in flight and closes the file. Dropping the store without it loses nothing that
    /// was acknowledged.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Opens a file, made if absent and then readable by its owner only.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    private_file::options(options.read(true).write(true).create(true).truncate(false)).open(path)
}

/// A statement failed; `doing` says which, in a few words.
fn failed(doing: impl Into<String>, cause: sqlx::Error) -> Error {
    let kind = if is_away(&cause) { ErrorKind::Unavailable } else { ErrorKind::Io };
    Error::new(kind, doing).cause(cause)
}

/// What [`failed`] makes, as a closure for `map_err`.
fn failing(doing: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |cause| failed(doing, cause)
}

/// True when the database could not be spoken to, or had no room just then: the same may go well a moment later.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        // The last two: a connection that is out of step.
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed
        | sqlx::Error::Protocol(_) => true,
        // PostgreSQL: connection lost, no room, given up in favour of another, going down or starting up; rested too long.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.len() == 5 && ["08", "53", "40", "57P", "25P03"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// True when a unique index refused the row.
fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

#[cfg(test)]
mod tests;
