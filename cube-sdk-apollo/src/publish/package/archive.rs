//! The bytes of an archive: the same for the same files, whoever packs them and when.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use cube_sdk_core::whole_file::{Readers, WholeFile};
use cube_sdk_core::{Error, Result};
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use crate::publish::Digest;

/// 1980: a time that no unpacker warns about.
const TIME: u64 = 315_532_800;

/// A gzip-compressed tar file that is being written.
pub(in crate::publish) struct Archive<W: Write> {
    tar: tar::Builder<flate2::write::GzEncoder<W>>,
}

impl<W: Write> Archive<W> {
    pub(in crate::publish) fn new(to: W) -> Self {
        let gzip = GzBuilder::new().mtime(0).write(to, Compression::default());
        Self { tar: tar::Builder::new(gzip) }
    }

    /// Adds a regular file of its owner's, readable by all.
    pub(in crate::publish) fn add(
        &mut self,
        name: &str,
        mode: u32,
        length: u64,
        content: impl io::Read,
    ) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(TIME);
        header.set_size(length);
        self.tar.append_data(&mut header, name, content.take(length))
    }

    pub(in crate::publish) fn finish(self) -> io::Result<W> {
        self.tar.into_inner()?.finish()
    }
}

/// Counts and hashes what is written.
pub(in crate::publish) struct Hashing<W> {
    to: W,
    digest: Sha256,
    length: u64,
}

impl<W: Write> Hashing<W> {
    pub(in crate::publish) fn new(to: W) -> Self {
        Self { to, digest: Sha256::new(), length: 0 }
    }

    pub(in crate::publish) fn done(self) -> (W, Digest, u64) {
        (self.to, Digest::of_sha256(&self.digest.finalize()), self.length)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Where an archive goes while it is written; removed unless it is kept.
pub(in crate::publish) type Target = Hashing<BufWriter<File>>;

/// Writes an archive beside its place and renames it there once it is whole and on disk.
pub(super) fn write_whole(file: &Path, fill: impl FnOnce(&mut Archive<Target>) -> Result<()>) -> Result<(Digest, u64)> {
    let failed = |doing: &str, cause| Error::io(format!("{doing} {}", file.display()), cause);
    let new = WholeFile::create(file, Readers::Mask).map_err(|cause| failed("making", cause))?;
    let (digest, length) = written(new.file(), fill).map_err(|error| error.with_target(file.display().to_string()))?;
    new.commit().map_err(|cause| failed("writing", cause))?;
    Ok((digest, length))
}

/// Fills a temporary file.
pub(in crate::publish) fn written(
    new: &File,
    fill: impl FnOnce(&mut Archive<Target>) -> Result<()>,
) -> Result<(Digest, u64)> {
    let failed = |cause| Error::io("writing the archive", cause);
    let file = new.try_clone().map_err(failed)?;
    let mut archive = Archive::new(Hashing::new(BufWriter::with_capacity(256 * 1024, file)));
    fill(&mut archive)?;
    let (mut to, digest, length) = archive.finish().map_err(failed)?.done();
    to.flush().map_err(failed)?;
    Ok((digest, length))
}
