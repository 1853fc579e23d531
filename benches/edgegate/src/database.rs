//! The database that is measured: PostgreSQL as Debian sets it up, on disk, or a file.

use anyhow::{Context as _, Result};
use cube_sdk_components::Postgres;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_server::store::{EdgeGateStore, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};

use crate::Kind;

pub(crate) struct Database {
    /// As the service is given it.
    pub(crate) place: SecretString,
    server: Option<Postgres>,
    _dir: tempfile::TempDir,
}

/// Connections of the harness's own, past the service.
#[derive(Clone)]
pub(crate) enum Bare {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Database {
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (place, server) = match kind {
            Kind::Sqlite => (dir.path().join("edgegate.sqlite").display().to_string(), None),
            Kind::Postgres => {
                let server = Postgres::durable().context("PostgreSQL is not installed: see tests/real/install")?;
                (server.database("load"), Some(server))
            }
        };
        Ok(Self { place: place.into(), server, _dir: dir })
    }

    pub(crate) async fn store(&self) -> Result<EdgeGateStore> {
        let place = self.place.expose_secret();
        Ok(match self.server {
            Some(_) => EdgeGateStore::postgres(&self.place).await?,
            None => Store::open(place.as_ref()).await?.into(),
        })
    }

    pub(crate) async fn bare(&self) -> Result<Bare> {
        let place = self.place.expose_secret();
        Ok(match self.server {
            Some(_) => Bare::Postgres(sqlx::postgres::PgPoolOptions::new().max_connections(40).connect(place).await?),
            None => {
                let options =
                    SqliteConnectOptions::new().filename(place).busy_timeout(std::time::Duration::from_secs(60));
                Bare::Sqlite(SqlitePoolOptions::new().max_connections(8).connect_with(options).await?)
            }
        })
    }
}

impl Bare {
    /// How many audit rows were written so far, but for a few that were given up.
    pub(crate) async fn written(&self) -> Result<i64> {
        Ok(match self {
            Self::Postgres(pool) => sqlx::query_scalar("SELECT last_value FROM audit_ids").fetch_one(pool).await?,
            Self::Sqlite(pool) => sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM audit").fetch_one(pool).await?,
        })
    }
}
