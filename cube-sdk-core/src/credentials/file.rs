//! A key in a file, read again when the file changes: for keys that another program rotates.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Credentials, Grant};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::{bearer, trimmed};

/// A bearer key that is read from a file for each attempt.
///
/// A key file is a few hundred bytes in the page cache: reading it each time is cheaper than deciding
/// whether it changed, and never stale.
#[derive(Debug)]
pub struct FileKey(PathBuf);

impl FileKey {
    /// Largest key file that is read.
    pub const MAX_BYTES: u64 = 64 * 1024;

    /// The key is read when the first call is made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

fn read(path: &Path) -> Result<Grant> {
    let failed = |words: String| {
        Error::new(ErrorKind::Credentials, words)
            .with_target(path.display().to_string())
            .advice("check that the key file exists and that this user may read it")
    };
    let length = std::fs::metadata(path).map_err(|cause| failed("cannot read the key file".into()).cause(cause))?.len();
    if length > FileKey::MAX_BYTES {
        return Err(failed(format!("the key file has {length} bytes, which no key has")));
    }
    let text = std::fs::read_to_string(path)
        .map(SecretString::from)
        .map_err(|cause| failed("cannot read the key file".into()).cause(cause))?;
    let key = trimmed(&text).map_err(|error| error.with_target(path.display().to_string()))?;
    Ok(Grant { authorization: bearer(&key)?, expires_at: None })
}

#[async_trait]
impl Credentials for FileKey {
    async fn grant(&self) -> Result<Grant> {
        let path = self.0.clone();
        tokio::task::spawn_blocking(move || read(&path))
            .await
            .map_err(|cause| Error::new(ErrorKind::Cancelled, "reading the key file was stopped").cause(cause))?
    }

    async fn refused(&self, grant: &Grant) -> bool {
        self.grant().await.is_ok_and(|now| now.authorization != grant.authorization)
    }
}
