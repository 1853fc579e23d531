//! A key that does not change.

use async_trait::async_trait;
use http::HeaderValue;
use secrecy::SecretString;

use super::{Credentials, Grant};
use crate::error::Result;
use crate::secret::{bearer, trimmed};

/// A bearer key given by the program or the environment.
#[derive(Debug)]
pub struct FixedKey(HeaderValue);

impl FixedKey {
    /// Takes a key; white space around it is trimmed.
    ///
    /// # Errors
    /// `Config` when it is empty or cannot stand in a header.
    pub fn new(key: &SecretString) -> Result<Self> {
        Ok(Self(bearer(&trimmed(key)?)?))
    }
}

#[async_trait]
impl Credentials for FixedKey {
    async fn grant(&self) -> Result<Grant> {
        Ok(Grant { authorization: self.0.clone(), expires_at: None })
    }

    async fn refused(&self, _: &Grant) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_key_is_one_line() {
        for key in ["", " \n", "one-key\nanother-key", "one-key\r\nx: y", "schl\u{fc}ssel", "a\0b"] {
            let error = FixedKey::new(&SecretString::from(key)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{key:?}");
            assert!(!format!("{error:?}").contains("another"));
        }
        let key = FixedKey::new(&SecretString::from("\n good-key \n")).unwrap();
        assert_eq!(key.0, "Bearer good-key");
        assert!(!format!("{key:?}").contains("good"));
    }
}
