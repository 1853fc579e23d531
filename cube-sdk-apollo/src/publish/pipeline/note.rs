//! A note beside the chart: which release is under way. It outlives a process that dies, so that the next run goes on with
//! the same version, and it keeps two runs on one chart apart.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::publish::chart::{NEW_FILE, NOTE_FILE};
use crate::publish::{Chart, ChartVersion, PublishFault};

/// From which version to which.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Note {
    pub(super) from: ChartVersion,
    pub(super) to: ChartVersion,
}

/// The note of a chart whose release was begun and not ended; none when it does not fit the chart any more.
pub(super) fn begun(chart: &Chart) -> Option<Note> {
    let text = fs::read_to_string(chart.folder().join(NOTE_FILE)).ok()?;
    let note: Note = serde_json::from_str(&text).ok()?;
    (*chart.version() == note.from || *chart.version() == note.to).then_some(note)
}

/// The one run that works on a chart.
pub(super) struct Claim {
    path: PathBuf,
    file: FileClaim,
}

impl Claim {
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(NOTE_FILE);
        let failed = |cause| Error::io(format!("opening {}", path.display()), cause);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let Some(file) = FileClaim::take(file).map_err(failed)? else {
            return Err(Error::new(ErrorKind::Conflict, "another run publishes this chart")
                .with_target(folder.display().to_string())
                .with_fault(PublishFault::Taken)
                .advice("wait for it to end"));
        };
        // What a run left that was killed while it wrote.
        let _ = fs::remove_file(folder.join(NEW_FILE));
        Ok(Self { path, file })
    }

    /// Notes what is about to be done, on disk before it is.
    pub(super) fn note(&mut self, note: &Note) -> Result<()> {
        let failed = |cause| Error::io(format!("writing {}", self.path.display()), cause);
        let bytes = serde_json::to_vec(note)
            .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the note cannot be written").cause(cause))?;
        let file = self.file.file();
        file.rewind().and_then(|()| file.set_len(0)).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// The release is whole: there is nothing to go on with.
    pub(super) fn done(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(|cause| Error::io(format!("removing {}", self.path.display()), cause))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A run that failed before it noted anything leaves nothing.
        let mut text = String::new();
        let file = self.file.file();
        let empty = file.rewind().and_then(|()| file.read_to_string(&mut text)).is_ok_and(|read| read == 0);
        if empty {
            let _ = fs::remove_file(&self.path);
        }
    }
}
