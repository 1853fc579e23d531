//! A file that one process holds for itself.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

/// Tries for the lock, and the time between two: half a second in all.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// An open file under an exclusive advisory lock, given back on drop and by the death of the process.
///
/// The lock is given back by name and not by closing: a child that another thread forks holds every descriptor until its
/// exec, and with it a lock that is only closed.
///
/// ```
/// use cube_sdk_core::file_claim::FileClaim;
/// let path = std::env::temp_dir().join(format!("claim-{}", std::process::id()));
/// let open = || std::fs::File::create(&path);
/// let first = FileClaim::take(open()?)?.expect("nobody else has it");
/// assert!(FileClaim::take(open()?)?.is_none());
/// drop(first);
/// assert!(FileClaim::take(open()?)?.is_some());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FileClaim(File);

impl FileClaim {
    /// Locks a file; none when another holds it. A holder that was killed may live on for a moment in a child that it had
    /// forked, so it is tried for half a second, blocking.
    ///
    /// # Errors
    /// Those of the file system, such as one without locks.
    pub fn take(file: File) -> io::Result<Option<Self>> {
        for left in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self(file))),
                Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(cause)) => return Err(cause),
            }
        }
        Ok(None)
    }

    /// The file.
    pub const fn file(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for FileClaim {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
