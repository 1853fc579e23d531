//! Files that hold secrets, written whole or not at all.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cube_sdk_core::private_file;

/// Puts these bytes into a file of its owner alone: into a new file beside it first, onto the disk, then in its place.
/// Whoever reads sees the old bytes or the new ones, and a crash leaves one of both.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // Made with mode 0600, so that there is no moment in which others may read it.
    let mut file = tempfile::Builder::new().prefix(".cube-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    // The new name is on the disk when the folder is; where folders cannot be synced there is nothing to do about it.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Makes the folder of a file, of its owner alone, where it is not there yet.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    private_file::directory(DirBuilder::new().recursive(true)).create(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that a path leads to, which need not be there: symbolic links are followed, so that a link stays one.
pub(crate) fn target_of(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_path_buf();
    // As many as Linux follows.
    for _ in 0..40 {
        match std::fs::read_link(&at) {
            Ok(to) => at = folder_of(&at).join(to),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
                return Ok(at);
            }
            Err(cause) => return Err(cause),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_its_owners_alone_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/key");
        make_folder(&path).unwrap();
        for text in ["first", "second, longer", ""] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_are_followed_also_to_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        symlink("real/file", at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        assert_eq!(target_of(&at("two")).unwrap(), at("real/file"));
        assert_eq!(target_of(&at("plain")).unwrap(), at("plain"));
        symlink("loop", at("loop")).unwrap();
        assert!(target_of(&at("loop")).is_err());
    }
}
