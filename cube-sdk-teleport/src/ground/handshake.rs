//! The key and accept values of the opening handshake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cube_sdk_core::{Error, ErrorKind};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A fresh `Sec-WebSocket-Key`.
///
/// # Errors
/// `Io` when the system gives no randomness.
pub(crate) fn key() -> Result<String, Error> {
    let mut nonce = [0; 16];
    aws_lc_rs::rand::fill(&mut nonce)
        .map_err(|_| Error::new(ErrorKind::Io, "the system gave no random bytes for the websocket key"))?;
    Ok(STANDARD.encode(nonce))
}

/// The `Sec-WebSocket-Accept` that answers a key.
pub(crate) fn accept(key: &[u8]) -> String {
    let mut sha1 = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key);
    sha1.update(GUID);
    STANDARD.encode(sha1.finish())
}

/// Is this a key: 16 bytes in base64?
pub(crate) fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6455() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_key(key().unwrap().as_bytes()));
        assert!(!is_key(b"short"));
    }
}
