//! Bits of the system's generator.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

/// So many random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bits = [0; N];
    aws_lc_rs::rand::fill(&mut bits)
        .map_err(|_| Error::new(ErrorKind::Io, "the system's random generator gave no bits"))?;
    Ok(bits)
}

/// 256 bits as 43 characters that are safe in URLs and cookies.
pub(crate) fn url_safe() -> Result<SecretString> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?).into())
}

/// True for what [`url_safe`] may have made: 43 characters that stand for 32 bytes.
pub(crate) fn is_url_safe(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}
