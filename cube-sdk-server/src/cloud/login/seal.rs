//! What is kept for a while in a form that only the holder of a random secret can open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use cube_sdk_core::secret::{ExposeSecret, SecretString};
use cube_sdk_core::{Error, ErrorKind, Result};

use crate::random;

/// The key that was handed out for a login; opened by the login's id.
pub(crate) const KEY_OF_A_LOGIN: &str = "cube-cloud: key of a login";

fn cipher(secret: &str, purpose: &str) -> Result<LessSafeKey> {
    // The secret's plain SHA-256 is what it is stored under; this is another function of it.
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), purpose.as_bytes());
    let key = UnboundKey::new(&AES_256_GCM, derived.as_ref()).map_err(|_| failed("making a cipher"))?;
    Ok(LessSafeKey::new(key))
}

/// Seals a text.
pub(crate) fn seal(secret: &str, purpose: &str, text: &SecretString) -> Result<Vec<u8>> {
    let nonce = random::bytes::<NONCE_LEN>()?;
    let mut text = text.expose_secret().as_bytes().to_vec();
    cipher(secret, purpose)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| failed("sealing"))?;
    Ok([nonce.as_slice(), &text].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(secret: &str, purpose: &str, sealed: &[u8]) -> Result<SecretString> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| failed("opening what was sealed"))?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed("opening what was sealed"))?;
    let mut text = text.to_vec();
    let text = cipher(secret, purpose)?
        .open_in_place(nonce, Aad::empty(), &mut text)
        .map_err(|_| failed("opening what was sealed"))?;
    let text = std::str::from_utf8(text).map_err(|_| failed("opening what was sealed"))?;
    Ok(SecretString::from(text.to_owned()))
}

fn failed(doing: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{doing} failed"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_opens_it_and_for_its_purpose() {
        let (one, other, purpose) = ("A".repeat(43), "B".repeat(43), KEY_OF_A_LOGIN);
        let sealed = seal(&one, purpose, &"cube_key".to_owned().into()).unwrap();
        assert!(!sealed.windows(8).any(|window| window == b"cube_key"));
        assert_eq!(open(&one, purpose, &sealed).unwrap().expose_secret(), "cube_key");
        assert!(open(&other, purpose, &sealed).is_err());
        assert!(open(&one, "another", &sealed).is_err());
        assert!(open(&one, purpose, &sealed[1..]).is_err());
        assert!(open(&one, purpose, b"").is_err());
    }
}
