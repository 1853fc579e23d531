//! Where an embedded database lies, and whether it may be made.

use std::path::{Path, PathBuf};

use cube_sdk_core::{Error, ErrorKind, Result};
use cube_sdk_server::store::Store;
use etcetera::BaseStrategy as _;

/// Whether a file that is not there may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Absent {
    Make,
    Refuse,
}

impl Absent {
    /// What an option `--create` says.
    pub(crate) fn made_if(create: bool) -> Self {
        if create { Self::Make } else { Self::Refuse }
    }
}

/// Opens a database that was named. A path that was mistyped leaves no file behind.
pub(crate) async fn open(path: &Path, absent: Absent) -> Result<Store> {
    if absent == Absent::Refuse && !path.exists() {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no database {}", path.display()))
            .advice("name it with --db FILE; a new one is made with --create, where the command has it"));
    }
    Store::open(path).await
}

/// Opens the database of a service where none was named; it and its folder may be made there.
pub(crate) async fn open_default(name: &str, absent: Absent) -> Result<Store> {
    let path = default_place(name)?;
    if let (Absent::Make, Some(folder)) = (absent, path.parent()) {
        let failed = |cause| Error::io(format!("making {}", folder.display()), cause);
        private_folder(folder).map_err(failed)?;
    }
    open(&path, absent).await
}

/// In the unit's StateDirectory, else in the user's own folder of data.
pub(crate) fn default_place(name: &str) -> Result<PathBuf> {
    // systemd names several, parted by colons, where the unit has several.
    let state = std::env::var("STATE_DIRECTORY").ok().filter(|folders| !folders.is_empty());
    if let Some(folder) = state.as_deref().and_then(|folders| folders.split(':').next()) {
        return Ok(Path::new(folder).join(name));
    }
    let own = etcetera::choose_base_strategy().map_err(|cause| {
        Error::new(ErrorKind::Config, "this user has no folder for a database")
            .advice("name one with --db")
            .cause(cause)
    })?;
    Ok(own.data_dir().join("cube-server").join(name))
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}
