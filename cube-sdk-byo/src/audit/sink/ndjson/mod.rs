//! Rows in a file that survives the death of the process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::whole_file::sync_folder;
use cube_sdk_core::{Error, ErrorKind, Result, private_file};

use super::AuditSink;
use crate::audit::entry::AuditEntry;

/// Appends rows to a file, one JSON object per line, and acknowledges a batch once the disk has it.
///
/// A process that dies within a write may leave a torn last line; it was never acknowledged, and
/// [`NdjsonSink::open`] cuts it off. The file is locked for its one writer.
#[derive(Clone, Debug)]
pub struct NdjsonSink(Arc<Log>);

#[derive(Debug)]
struct Log {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    claim: FileClaim,
    /// End of the last acknowledged row.
    end: u64,
    /// Something behind `end` may be torn and must be cut off first.
    dirty: bool,
}

impl NdjsonSink {
    /// Opens or creates the file (mode 0600) and cuts a torn last line off. Blocks shortly on the disk.
    ///
    /// # Errors
    /// `Io` when the file cannot be opened, `Conflict` when another writer holds it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let failed = |doing: &str, cause| Error::io(format!("{doing} audit file {}", path.display()), cause);
        let existed = path.exists();
        let mut options = OpenOptions::new();
        private_file::options(options.read(true).write(true).create(true).truncate(false));
        let file = options.open(path).map_err(|cause| failed("could not open", cause))?;
        let Some(mut claim) = FileClaim::take(file).map_err(|cause| failed("could not lock", cause))? else {
            let message = format!("audit file {} is in use by another writer", path.display());
            return Err(Error::new(ErrorKind::Conflict, message).advice("give each process a file of its own"));
        };
        let file = claim.file();
        let end = whole_lines(file).map_err(|cause| failed("could not read", cause))?;
        file.set_len(end).map_err(|cause| failed("could not cut", cause))?;
        file.sync_all().map_err(|cause| failed("could not sync", cause))?;
        if !existed {
            sync_folder(path).map_err(|cause| failed("could not sync the folder of", cause))?;
        }
        let state = Mutex::new(State { claim, end, dirty: false });
        Ok(Self(Arc::new(Log { path: path.to_owned(), state })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Log {
    fn append(&self, lines: &[u8]) -> std::io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let end = state.end;
        if state.dirty {
            state.claim.file().set_len(end)?;
        }
        state.dirty = true;
        state.claim.file().seek(SeekFrom::Start(end))?;
        state.claim.file().write_all(lines)?;
        state.claim.file().sync_data()?;
        state.end = end + lines.len() as u64;
        state.dirty = false;
        Ok(())
    }
}

#[async_trait::async_trait]
impl AuditSink for NdjsonSink {
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
        let mut lines = Vec::with_capacity(batch.len() * 512);
        for entry in batch {
            serde_json::to_writer(&mut lines, entry)
                .map_err(|cause| Error::new(ErrorKind::Io, "an audit row could not be written as JSON").cause(cause))?;
            lines.push(b'\n');
        }
        let log = Arc::clone(&self.0);
        // On a thread of its own: it runs to its end even when the caller is dropped.
        let written = tokio::task::spawn_blocking(move || log.append(&lines)).await;
        let failed = |cause| Error::io(format!("could not append to audit file {}", self.0.path.display()), cause);
        written.map_err(|cause| failed(std::io::Error::other(cause)))?.map_err(failed)
    }
}

/// The length up to and including the last line break.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = length;
    let mut block = [0; 8192];
    while end > 0 {
        let from = end.saturating_sub(block.len() as u64);
        let part = &mut block[..usize::try_from(end - from).unwrap_or_default()];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|&byte| byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
