//! One writer at a time: kubectl's own lock, a file `config.lock` beside the file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::{Error, ErrorKind, Result};

/// What stands in a lock of ours. kubectl's are empty.
const MARK: &[u8] = b"cube-sdk\n";
/// How long to wait for kubectl, which needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for writers that are known to live; many of them may stand in a line.
const PATIENCE_WITH_OURS: Duration = Duration::from_secs(300);

/// A lock that is held; given back on drop. One of ours that a killed process left behind is taken over: the system has
/// given its claim back.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Held until the file is gone.
    _claim: FileClaim,
}

impl Lock {
    /// Waits for the lock of a file. Blocking.
    pub(super) fn of(file: &Path) -> Result<Self> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |cause| Error::io(format!("locking {}", file.display()), cause);
        let began = Instant::now();
        loop {
            if !path.exists()
                && let Some(lock) = Self::try_make(&path).map_err(failed)?
            {
                return Ok(lock);
            }
            let patience = match Self::try_inherit(&path) {
                Holder::Gone(lock) => return Ok(lock),
                Holder::Ours => PATIENCE_WITH_OURS,
                Holder::Other => PATIENCE,
            };
            if began.elapsed() > patience {
                return Err(Error::new(ErrorKind::Conflict, "another program holds the lock of the kubeconfig")
                    .with_target(path.display().to_string())
                    .advice("wait for it; if no kubectl runs, remove that file"));
            }
            std::thread::sleep(Duration::from_millis(fastrand::u64(2..30)));
        }
    }

    /// Makes the file with its mark and its claim at once: none where there is one already.
    fn try_make(path: &Path) -> io::Result<Option<Self>> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut made = tempfile::Builder::new().prefix(".cube-lock-").tempfile_in(folder)?;
        made.write_all(MARK)?;
        // Nobody else knows the file yet.
        let Some(claim) = FileClaim::take(made.reopen()?)? else { return Ok(None) };
        match made.persist_noclobber(path) {
            Ok(_) => Ok(Some(Self { path: path.to_owned(), _claim: claim })),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(failed) => Err(failed.error),
        }
    }

    /// Takes over a lock of ours whose owner is gone.
    #[cfg(unix)]
    fn try_inherit(path: &Path) -> Holder {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(mut file) = File::open(path) else { return Holder::Other };
        let mut mark = Vec::new();
        if (&mut file).take(64).read_to_end(&mut mark).is_err() || mark != MARK {
            return Holder::Other;
        }
        let Ok(Some(mut claim)) = FileClaim::take(file) else { return Holder::Ours };
        // The owner may have finished meanwhile, and the name may be another's by now.
        match (claim.file().metadata(), std::fs::metadata(path)) {
            (Ok(held), Ok(named)) if (held.dev(), held.ino()) == (named.dev(), named.ino()) => {
                Holder::Gone(Self { path: path.to_owned(), _claim: claim })
            }
            _ => Holder::Ours,
        }
    }

    #[cfg(not(unix))]
    fn try_inherit(_: &Path) -> Holder {
        Holder::Other
    }
}

/// Whose a lock is that is there.
enum Holder {
    /// Nobody's any more: it is ours now.
    Gone(Lock),
    /// A process of this SDK, which lives or has just finished.
    Ours,
    /// kubectl, or somebody else.
    Other,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Under the claim, so that it is ours that goes.
        let _ = std::fs::remove_file(&self.path);
    }
}
