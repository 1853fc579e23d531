//! Secrets are [`SecretString`] from the moment they are read.

pub use secrecy::{ExposeSecret, SecretString};

use http::HeaderValue;

use crate::error::{Error, ErrorKind, Result};

/// `Authorization: Bearer <key>`, marked sensitive so that no Debug text shows it.
///
/// # Errors
/// `Config` when the key holds characters that no header can carry; the text does not repeat the key.
pub fn bearer(key: &SecretString) -> Result<HeaderValue> {
    let refused = || {
        Error::new(ErrorKind::Config, "the key holds characters that an HTTP header cannot carry")
            .advice("check the key for line breaks or non-ASCII characters")
    };
    // The http crate lets other bytes pass, which servers read in different ways.
    if !key.expose_secret().bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(refused());
    }
    let text = SecretString::from(format!("Bearer {}", key.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| refused())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Trims white space around a key and refuses an empty one.
///
/// # Errors
/// `Config` when nothing is left.
pub fn trimmed(key: &SecretString) -> Result<SecretString> {
    let text = key.expose_secret().trim();
    if text.is_empty() {
        return Err(Error::new(ErrorKind::Config, "the key is empty"));
    }
    Ok(SecretString::from(text))
}
