//! The opening handshake of a WebSocket, from the client's side and, as far as the key goes, from the server's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cube_sdk_core::{Error, ErrorKind};
use http::{HeaderMap, Request, Version, header};

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

/// A request for a WebSocket, without what belongs to one protocol above it.
pub(crate) fn request(uri: &str, host: &str, key: &str) -> http::request::Builder {
    Request::get(uri)
        .header(header::HOST, host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key)
}

/// Does a header hold this token, in a list or alone?
pub(crate) fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

/// What makes a 101 none that answers `key`: the name of a header that is missing or wrong, or the version of HTTP,
/// which knows no upgrade below 1.1.
pub(crate) fn fault(version: Version, headers: &HeaderMap, key: &str) -> Option<&'static str> {
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT).map(|accept| accept.as_bytes());
    if version < Version::HTTP_11 {
        Some("HTTP version")
    } else if !has_token(headers, header::UPGRADE, "websocket") {
        Some("Upgrade")
    } else if !has_token(headers, header::CONNECTION, "upgrade") {
        Some("Connection")
    } else if accepted != Some(accept(key.as_bytes()).as_bytes()) {
        Some("Sec-WebSocket-Accept")
    } else {
        None
    }
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

    #[test]
    fn what_is_wrong_with_an_answer_is_named() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let headers = |without: &str| -> HeaderMap {
            let all = [
                ("upgrade", "WebSocket"),
                ("connection", "keep-alive, Upgrade"),
                ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ];
            let kept = all.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(without));
            kept.map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect()
        };
        assert_eq!(fault(Version::HTTP_11, &headers(""), key), None);
        assert_eq!(fault(Version::HTTP_10, &headers(""), key), Some("HTTP version"));
        for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept"] {
            assert_eq!(fault(Version::HTTP_11, &headers(name), key), Some(name));
        }
    }
}
