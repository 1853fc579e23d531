//! What a file of a package holds: bytes on disk, or read out of an archive.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_sdk_core::{Error, Result};

use crate::publish::PublishFault;

/// A byte-order mark, which helm drops from the start of every file.
pub(super) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The bytes of one file.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Disk { path: PathBuf, skipped: u64, length: u64 },
    Bytes(Arc<[u8]>),
}

impl Content {
    /// From an archive, without a byte-order mark.
    pub(super) fn unpacked(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.strip_prefix(MARK).unwrap_or(bytes).into())
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Disk { length, .. } => *length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Exactly as many bytes as its length says, or an error.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(&bytes[..]),
            Self::Disk { path, skipped, length } => Box::new(exactly(path, *skipped, *length)?),
        })
    }

    /// The whole, read.
    pub(super) fn bytes(&self, shown: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.reader().and_then(|mut reader| reader.read_to_end(&mut bytes));
        read.map_err(|cause| Error::io(format!("reading {shown}"), cause))?;
        Ok(bytes)
    }

    /// The whole as text.
    pub(super) fn text(&self, shown: &str) -> Result<String> {
        String::from_utf8(self.bytes(shown)?)
            .map_err(|_| PublishFault::Unreadable { file: shown.to_owned() }.refuse(format!("{shown} is not UTF-8")))
    }
}

/// So many bytes of a file, or an error.
pub(in crate::publish) fn exactly(path: &Path, skipped: u64, length: u64) -> io::Result<impl Read + use<>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(skipped))?;
    Ok(Exactly { file, left: length })
}

/// A file that is cut off where it was when it was looked at, and may not be shorter.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read(&mut into[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}
