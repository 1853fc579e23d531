//! A key in a file, read again when the file changes: for keys that another program rotates.

use std::io::Read as _;
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
    let failed = |words: &str| {
        Error::new(ErrorKind::Credentials, words)
            .with_target(path.display().to_string())
            .advice("check that the key file exists, that this user may read it, and that it holds one key")
    };
    let unreadable = |cause| failed("cannot read the key file").cause(cause);
    let mut text = Vec::new();
    let mut file = std::fs::File::open(path).map_err(unreadable)?.take(FileKey::MAX_BYTES + 1);
    file.read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FileKey::MAX_BYTES {
        return Err(failed(&format!("the key file has more than {} bytes, which no key has", FileKey::MAX_BYTES)));
    }
    let text = String::from_utf8(text).map(SecretString::from).map_err(|_| failed("the key file is no text"))?;
    // What another program writes is no setting of the caller's.
    let key = trimmed(&text).map_err(|_| failed("the key file is empty"))?;
    let authorization =
        bearer(&key).map_err(|_| failed("the key file holds characters that an HTTP header cannot carry"))?;
    Ok(Grant { authorization, expires_at: None })
}

#[async_trait]
impl Credentials for FileKey {
    async fn grant(&self) -> Result<Grant> {
        let path = self.0.clone();
        tokio::task::spawn_blocking(move || read(&path))
            .await
            .map_err(|cause| Error::new(ErrorKind::Credentials, "reading the key file was stopped").cause(cause))?
    }

    async fn refused(&self, grant: &Grant) -> bool {
        self.grant().await.is_ok_and(|now| now.authorization != grant.authorization)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::error::Sent;

    #[tokio::test]
    async fn a_file_that_holds_no_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let long = "x".repeat(70_000);
        let texts: [&[u8]; 7] = [
            b"",
            b" \n\t",
            b"one-key\nanother-key",
            b"k\r\nkk\r\n",
            b"\xff\xfe-key",
            "schl\u{fc}ssel".as_bytes(),
            long.as_bytes(),
        ];
        for text in texts {
            std::fs::write(&file, text).unwrap();
            let error = FileKey::new(&file).grant().await.unwrap_err();
            let line = error.to_string();
            assert_eq!((error.kind(), error.sent()), (ErrorKind::Credentials, Sent::No), "{line}");
            assert!(line.starts_with(file.to_str().unwrap()) && line.contains("key file"), "{line}");
            assert!(!format!("{error:?}").contains("another"), "{line}");
        }
        for place in [dir.path().join("none"), dir.path().to_path_buf()] {
            let error = FileKey::new(&place).grant().await.unwrap_err();
            assert_eq!((error.kind(), error.target()), (ErrorKind::Credentials, place.to_str()));
        }
        std::fs::write(&file, " good-key \r\n").unwrap();
        assert_eq!(FileKey::new(&file).grant().await.unwrap().authorization, "Bearer good-key");
    }
}
