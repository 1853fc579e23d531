//! Where the user's own files lie: folders of their owner alone, links that stay links.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use cube_sdk_core::private_file;
use cube_sdk_core::whole_file::folder_of;

/// Makes the folder of a file, of its owner alone, where it is not there yet.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    private_file::directory(DirBuilder::new().recursive(true)).create(folder_of(path))
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
    fn a_folder_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/key");
        make_folder(&path).unwrap();
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
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
