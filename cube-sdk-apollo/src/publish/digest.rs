//! The name of a blob: the SHA-256 of its bytes.

use std::fmt::Write as _;

use cube_sdk_core::names::refused;
use cube_sdk_core::{Result, text_id};

text_id! {
    /// The digest of a blob: `sha256:` and 64 hex digits.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::Digest;
    /// let empty = Digest::of(b"{}");
    /// assert_eq!(empty.as_str(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    /// assert!(Digest::parse("sha256:44136f").is_err());
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    pub struct Digest: check;
}

fn check(text: &str) -> Result<()> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(refused("digest", text, "it is not `sha256:` and 64 hex digits"))
}

impl Digest {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::of_sha256(&sha2::Sha256::digest(bytes))
    }

    /// From the 32 bytes of a SHA-256.
    pub(crate) fn of_sha256(hash: &[u8]) -> Self {
        let mut text = "sha256:".to_owned();
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }
}
