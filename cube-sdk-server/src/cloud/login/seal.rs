//! A key that was handed out, kept for seconds in a form that only the holder of the session id can open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use cube_sdk_core::secret::{ExposeSecret, SecretString};
use cube_sdk_core::{Error, ErrorKind, Result};

use super::session_id::SessionId;
use crate::random;

fn cipher(id: &SessionId) -> Result<LessSafeKey> {
    // The id is stored under its plain SHA-256; this is another function of it.
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, id.expose().as_bytes()), b"cube-cloud: key of a login");
    let key = UnboundKey::new(&AES_256_GCM, derived.as_ref()).map_err(|_| failed("making a cipher"))?;
    Ok(LessSafeKey::new(key))
}

/// Seals a key.
pub(crate) fn seal(id: &SessionId, key: &SecretString) -> Result<Vec<u8>> {
    let nonce = random::bytes::<NONCE_LEN>()?;
    let mut text = key.expose_secret().as_bytes().to_vec();
    cipher(id)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| failed("sealing a key"))?;
    Ok([nonce.as_slice(), &text].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(id: &SessionId, sealed: &[u8]) -> Result<SecretString> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| failed("opening a sealed key"))?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed("opening a sealed key"))?;
    let mut text = text.to_vec();
    let key = cipher(id)?.open_in_place(nonce, Aad::empty(), &mut text).map_err(|_| failed("opening a sealed key"))?;
    let key = std::str::from_utf8(key).map_err(|_| failed("opening a sealed key"))?;
    Ok(SecretString::from(key.to_owned()))
}

fn failed(doing: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{doing} failed"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_opens_it() {
        let id = |text: &str| SessionId::new(text).unwrap();
        let (one, other) = (id(&"A".repeat(43)), id(&format!("B{}", "A".repeat(42))));
        let sealed = seal(&one, &"cube_key".to_owned().into()).unwrap();
        assert!(!sealed.windows(8).any(|window| window == b"cube_key"));
        assert_eq!(open(&one, &sealed).unwrap().expose_secret(), "cube_key");
        assert!(open(&other, &sealed).is_err());
        assert!(open(&one, &sealed[1..]).is_err());
        assert!(open(&one, b"").is_err());
    }
}
