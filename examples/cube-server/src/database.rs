//! Which database the commands of EdgeGate work on, as an option.

use std::path::Path;

use clap::Args;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, SecretString};
use cube_sdk_server::store::{EdgeGateStore, Store};

#[derive(Args, Clone)]
pub(crate) struct Database {
    /// The database: a file, which one process serves, or postgres://USER:PASSWORD@HOST/NAME, which many may. Set
    /// EDGEGATE_DB instead of writing a password where others can read it.
    #[arg(long, value_name = "FILE|URL", env = "EDGEGATE_DB", hide_env_values = true, value_parser = place)]
    pub(crate) db: SecretString,
}

/// Whether a file that is not there may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Absent {
    Make,
    Refuse,
}

fn place(text: &str) -> Result<SecretString, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned().into()) }
}

impl Database {
    pub(crate) async fn open(&self, absent: Absent) -> anyhow::Result<EdgeGateStore> {
        open(&self.db, absent).await
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
    let path = Path::new(text);
    if absent == Absent::Refuse && !path.exists() {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no database {}", path.display()))
            .advice("is it the right path? `cube-server edgegate init` makes a new one, and so does `serve --create`")
            .into());
    }
    Ok(Store::open(path).await?.into())
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
