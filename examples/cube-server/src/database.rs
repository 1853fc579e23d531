//! Which database the commands of EdgeGate work on, as an option.

use std::path::Path;

use clap::Args;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, SecretString};
use cube_sdk_server::store::EdgeGateStore;

use crate::file::{self, Absent};

/// The file's name where none is given.
pub(crate) const FILE: &str = "edgegate.sqlite";

#[derive(Args, Clone)]
pub(crate) struct Database {
    /// The database: a file, which one process serves, or postgres://USER:PASSWORD@HOST/NAME, which many may. Set
    /// EDGEGATE_DB instead of writing a password where others can read it. Default: edgegate.sqlite in systemd's
    /// StateDirectory, else in cube-server of the user's folder of data, such as ~/.local/share.
    #[arg(long, value_name = "FILE|URL", env = "EDGEGATE_DB", hide_env_values = true, value_parser = place)]
    pub(crate) db: Option<SecretString>,
}

fn place(text: &str) -> Result<SecretString, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned().into()) }
}

impl Database {
    /// Opens it; `absent` is of a file that is not there.
    pub(crate) async fn open(&self, absent: Absent) -> anyhow::Result<EdgeGateStore> {
        match &self.db {
            Some(place) => open(place, absent).await,
            None => Ok(file::open_default(FILE, absent).await?.into()),
        }
    }

    /// Opens it to serve it: in its default place a first start makes it, elsewhere only who says so.
    pub(crate) async fn open_to_serve(&self, create: bool) -> anyhow::Result<EdgeGateStore> {
        self.open(Absent::made_if(create || self.db.is_none())).await
    }
}

/// Opens the database at a place.
pub(crate) async fn open(place: &SecretString, absent: Absent) -> anyhow::Result<EdgeGateStore> {
    let text = place.expose_secret();
    if is_postgres(text) {
        return postgres(place).await;
    }
    if text.contains("://") {
        let message = "--db is neither a file nor a URL of PostgreSQL";
        return Err(Error::new(ErrorKind::InvalidInput, message).advice("write FILE or postgres://…").into());
    }
    Ok(file::open(Path::new(text), absent).await?.into())
}

pub(crate) fn is_postgres(text: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &SecretString) -> anyhow::Result<EdgeGateStore> {
    Ok(EdgeGateStore::postgres(url).await?)
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "the other build waits for a server")]
async fn postgres(_: &SecretString) -> anyhow::Result<EdgeGateStore> {
    Err(without_postgres().into())
}

/// What this build cannot do.
#[cfg(not(feature = "postgres"))]
pub(crate) fn without_postgres() -> Error {
    Error::new(ErrorKind::Unsupported, "this program was built without PostgreSQL")
        .advice("build it with `--features postgres`")
}
