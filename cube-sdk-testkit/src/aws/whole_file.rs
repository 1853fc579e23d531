//! Files that are never seen half written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes beside, syncs, renames: a reader sees the old file or the new one, whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let beside = path.with_file_name(name);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
