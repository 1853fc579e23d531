//! The ready file: the card as JSON, there only once everything answers, and never half-written.

use std::path::Path;

use cube_sdk_core::whole_file::{self, Readers};
use cube_sdk_core::{Error, ErrorKind, Result};

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
    whole_file::write(path, bytes, Readers::Owner)
        .map_err(|cause| Error::io(format!("writing {}", path.display()), cause))
}
