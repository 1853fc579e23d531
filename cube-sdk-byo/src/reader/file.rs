//! Into a file: never half-written under its own name.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::whole_file::{Readers, WholeFile};
use cube_sdk_core::{Error, ErrorKind, Result};
use tokio::sync::mpsc;

use super::object::ObjectReader;
use super::open::OpenObject;
use super::progress::ReaderStats;
use crate::digest::Sha256;
use crate::stored_checksum::StoredChecksum;

/// Chunks that may wait for the disk, beside the reader's budget: at most 1 MiB.
const QUEUE: usize = 16;

/// What was written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileReport {
    /// Bytes of the file.
    pub bytes: u64,
    /// The digest of its content; the expected one, if one was given.
    pub sha256: Sha256,
    /// The checksum that S3 stores and the bytes have, if it was to be verified.
    pub stored_checksum: Option<StoredChecksum>,
    /// The ETag of the object that was read.
    pub etag: String,
    /// From the first request to the renamed file.
    pub elapsed: Duration,
    /// The reader's figures.
    pub stats: ReaderStats,
}

impl OpenObject {
    /// Reads everything into a file: written beside it under another name, verified, synced, then renamed.
    /// An existing file is replaced, or untouched when anything fails.
    ///
    /// Bytes that are not the expected ones are read once more from scratch, since nobody has seen them: an object
    /// that was overwritten in the middle of the read is then read in its new version, unless a digest or ETag
    /// says otherwise.
    ///
    /// # Errors
    /// As [`OpenObject::into_future`] and reading, and `Io` for the file.
    ///
    /// # Cancel safety
    /// Dropping the future removes what was written.
    pub async fn read_to_file(mut self, path: impl AsRef<Path>) -> Result<FileReport> {
        self.digest = true;
        // Both tries end by it.
        self.ends();
        match read_to_file(self.clone(), path.as_ref()).await {
            Err(error) if error.kind() == ErrorKind::Integrity => {
                tracing::debug!(error = %error, "reading once more from scratch");
                read_to_file(self, path.as_ref()).await
            }
            outcome => outcome,
        }
    }
}

async fn read_to_file(open: OpenObject, path: &Path) -> Result<FileReport> {
    let failed = |doing: &str, cause| Error::io(format!("could not {doing} {}", path.display()), cause);
    if path.file_name().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{} names no file", path.display())));
    }
    let new = WholeFile::create(path, Readers::Mask).map_err(|cause| failed("create a file beside", cause))?;
    let mut reader = open.await?;
    let (chunks, queue) = mpsc::channel(QUEUE);
    let writing = tokio::task::spawn_blocking(move || write_all(new, queue));
    let outcome = feed(&mut reader, chunks).await;
    let written = writing.await.map_err(|cause| failed("write", std::io::Error::other(cause)))?;
    // The read's own error says more than the writer's end.
    outcome?;
    let written = written.map_err(|cause| failed("write", cause))?;
    let sha256 = reader.sha256().ok_or_else(|| Error::new(ErrorKind::Integrity, "the digest is missing"))?;
    // Onto the disk already: what is left is the name.
    let renamed = tokio::task::spawn_blocking(move || written.commit());
    renamed.await.map_err(std::io::Error::other).flatten().map_err(|cause| failed("rename to", cause))?;
    let stats = reader.stats();
    Ok(FileReport {
        bytes: stats.delivered,
        sha256,
        stored_checksum: reader.stored_checksum().cloned(),
        etag: reader.etag().to_owned(),
        elapsed: stats.elapsed,
        stats,
    })
}

/// Hands chunks to the writer; a writer that is gone has its own error to tell.
async fn feed(reader: &mut ObjectReader, chunks: mpsc::Sender<Bytes>) -> Result<()> {
    use futures_util::StreamExt;
    while let Some(chunk) = reader.next().await {
        if chunks.send(chunk?).await.is_err() {
            return Ok(());
        }
    }
    // Only now may the writer take the end of the queue for the end of the file.
    let _ = chunks.send(Bytes::new()).await;
    Ok(())
}

/// Writes what comes until the empty chunk that ends a complete read; the file vanishes without it.
fn write_all(mut new: WholeFile, mut queue: mpsc::Receiver<Bytes>) -> std::io::Result<WholeFile> {
    while let Some(chunk) = queue.blocking_recv() {
        if chunk.is_empty() {
            new.file().sync_all()?;
            return Ok(new);
        }
        new.write_all(&chunk)?;
    }
    Err(std::io::Error::new(std::io::ErrorKind::Interrupted, "the read ended early"))
}
