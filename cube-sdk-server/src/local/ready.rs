//! The ready file: the card as JSON, there only once everything answers, and never half-written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use cube_sdk_core::{Error, ErrorKind, Result, private_file};

use super::card::Card;

/// Writes the card to `path`: a file beside it (mode 0600, it holds keys) is synced and renamed over it.
///
/// # Errors
/// `Io`, naming the path.
pub fn write_ready_file(card: &Card, path: &Path) -> Result<()> {
    let json = serde_json::to_vec_pretty(card)
        .map_err(|cause| Error::new(ErrorKind::Io, "writing the world card as JSON").cause(cause))?;
    write_private(path, &json)
}

/// Writes lines of shell exports to `path`, in the same way.
///
/// # Errors
/// `Io`, naming the path.
pub fn write_env_file(exports: &str, path: &Path) -> Result<()> {
    write_private(path, exports.as_bytes())
}

/// Replaces a file at once, readable by its owner only.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let doing = |cause| Error::io(format!("writing {}", path.display()), cause);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("{} names no file", path.display())))?;
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = private_file::options(options.write(true).create(true).truncate(true)).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    write().map_err(|cause| {
        let _ = std::fs::remove_file(&beside);
        doing(cause)
    })
}
