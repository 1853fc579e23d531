//! Everything that is measured, by name.

mod foreign;
mod ours;
mod published;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::process::Peer;

/// Starts a peer that leads to `target`; none when it is somebody else's and not installed.
///
/// # Errors
/// When it does not start; with `CUBE_REAL=1` also when it is not installed.
pub async fn start(name: &str, target: SocketAddr) -> Result<Option<Peer>> {
    if let Some(peer) = ours::start(name, target).await? {
        return Ok(Some(peer));
    }
    match name {
        "published" => published::start(target).await,
        name if is_foreign(name) => foreign::start(name, target).await,
        other => bail!("no peer `{other}`"),
    }
}

/// Did somebody else write it?
pub fn is_foreign(name: &str) -> bool {
    name == "published" || foreign::NAMES.contains(&name)
}

/// An executable in `CUBE_PEERS_BIN`, else on `PATH`.
pub(crate) fn executable(name: &str, install: &str) -> Result<Option<PathBuf>> {
    let own = std::env::var_os("CUBE_PEERS_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        own.into_iter().chain(std::env::split_paths(&path)).map(|dir| dir.join(name)).find(|file| file.is_file());
    if found.is_none() {
        missing(name, install)?;
    }
    Ok(found)
}

#[allow(clippy::print_stderr)]
fn missing(what: &str, install: &str) -> Result<()> {
    let words = format!("{what} is not installed; install it with: {install}");
    if std::env::var("CUBE_REAL").is_ok_and(|value| value == "1") {
        bail!(words);
    }
    eprintln!("SKIPPED: {words}");
    Ok(())
}
