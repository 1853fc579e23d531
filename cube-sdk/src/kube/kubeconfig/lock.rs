//! One writer at a time: kubectl's own lock, a file `config.lock` beside the file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::{Error, ErrorKind, Result};

/// What stands in a lock of ours. kubectl's are empty.
const MARK: &[u8] = b"cube-sdk\n";
/// How long to wait for another writer, who needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

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
            if let Some(lock) = Self::try_make(&path).map_err(failed)? {
                return Ok(lock);
            }
            if let Some(lock) = Self::try_inherit(&path) {
                return Ok(lock);
            }
            if began.elapsed() > PATIENCE {
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
    fn try_inherit(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let mut file = File::open(path).ok()?;
        let mut mark = Vec::new();
        (&mut file).take(64).read_to_end(&mut mark).ok()?;
        if mark != MARK {
            return None;
        }
        let mut claim = FileClaim::take(file).ok()??;
        // The owner may have finished meanwhile, and the name may be another's by now.
        let (held, named) = (claim.file().metadata().ok()?, std::fs::metadata(path).ok()?);
        ((held.dev(), held.ino()) == (named.dev(), named.ino())).then(|| Self { path: path.to_owned(), _claim: claim })
    }

    #[cfg(not(unix))]
    fn try_inherit(_: &Path) -> Option<Self> {
        None
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Under the claim, so that it is ours that goes.
        let _ = std::fs::remove_file(&self.path);
    }
}
