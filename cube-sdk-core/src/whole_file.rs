//! Files that are whole or not there: written beside their place, put onto the disk, then renamed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

const PREFIX: &str = ".cube-";
const SUFFIX: &str = ".part";

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Readers {
    /// Its owner alone, from its first byte (mode 0600 on Unix; elsewhere what the folder hands down).
    Owner,
    /// Whom the process's mask allows, as with any file that a program makes.
    Mask,
}

/// A file on its way to its place. Whoever reads there sees the old bytes or the new ones; dropped before
/// [`commit`](Self::commit), it is gone.
///
/// ```
/// use std::io::Write;
/// use cube_sdk_core::whole_file::{Readers, WholeFile};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("report");
/// let mut file = WholeFile::create(&path, Readers::Mask)?;
/// file.write_all(b"half of it, ")?;
/// assert!(!path.exists());
/// file.write_all(b"and the rest")?;
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"half of it, and the rest");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WholeFile {
    new: NamedTempFile,
    path: PathBuf,
}

impl WholeFile {
    /// Begins a file in the folder of `path`.
    ///
    /// # Errors
    /// Where the folder is not there, or takes no file.
    pub fn create(path: &Path, readers: Readers) -> io::Result<Self> {
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", path.display())));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(match readers {
            Readers::Owner => 0o600,
            Readers::Mask => 0o666,
        }));
        #[cfg(not(unix))]
        let _ = readers;
        Ok(Self { new: builder.tempfile_in(folder_of(path))?, path: path.to_owned() })
    }

    /// The file itself, for those who write in another way than by `Write`.
    pub fn file(&self) -> &File {
        self.new.as_file()
    }

    /// Puts the bytes onto the disk and the file in its place, over one that stands there.
    ///
    /// # Errors
    /// Where that fails. The place is as it was, or holds the new file whole.
    pub fn commit(self) -> io::Result<()> {
        self.new.as_file().sync_all()?;
        self.new.persist(&self.path).map_err(|failed| failed.error)?;
        sync_folder(&self.path)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.new.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.new.as_file_mut().flush()
    }
}

/// Puts these bytes in a file's place.
///
/// # Errors
/// As [`WholeFile::create`] and [`WholeFile::commit`].
///
/// ```
/// use cube_sdk_core::whole_file::{self, Readers};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("key");
/// whole_file::write(&path, b"secret", Readers::Owner)?;
/// assert_eq!(std::fs::read(&path)?, b"secret");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let mut file = WholeFile::create(path, readers)?;
    file.write_all(bytes)?;
    file.commit()
}

/// Puts a file's name onto the disk: what was made, renamed or removed stays so after a power cut. Where folders cannot be
/// synced (Windows, some file systems) there is nothing to do.
///
/// # Errors
/// Where the folder cannot be opened or the disk fails.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder_of(path))?.sync_all() {
        Err(cause) if matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        outcome => outcome,
    }
}

/// Is this the name of a file that is not whole yet: one that is being written, or that a killed process left?
///
/// ```
/// assert!(cube_sdk_core::whole_file::is_part(".cube-x3Bq7f.part"));
/// ```
pub fn is_part(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// The folder that a path's last name stands in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_old_bytes_or_the_new_ones_and_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for text in ["first", "second, longer", ""] {
            write(&path, text.as_bytes(), Readers::Mask).unwrap();
            let mut given_up = WholeFile::create(&path, Readers::Mask).unwrap();
            given_up.write_all(b"half").unwrap();
            drop(given_up);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_owners_file_is_the_owners_alone_before_its_first_byte() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let file = WholeFile::create(&path, Readers::Owner).unwrap();
        assert_eq!(file.file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        file.commit().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_names_no_file_or_stands_in_no_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().join(".."), dir.path().join("none/file"), PathBuf::new()] {
            assert!(write(&path, b"x", Readers::Mask).is_err(), "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
