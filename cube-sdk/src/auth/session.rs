//! The id of a login: made here, 32 random bytes as 43 characters. Whoever has it gets the key.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_core::config::join;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use url::Url;

#[derive(Clone, Debug)]
pub(super) struct SessionId(SecretString);

impl SessionId {
    pub(super) fn random() -> Result<Self> {
        random_word().map(Self)
    }

    /// Eight letters of its SHA-256, which the page shows too.
    pub(super) fn code(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.0.expose_secret().as_bytes());
        let letters: String = hash.as_ref().iter().take(8).map(|byte| char::from(b'A' + byte % 26)).collect();
        format!("{}-{}", &letters[..4], &letters[4..])
    }

    pub(super) fn page(&self, base: &Url) -> Url {
        let mut url = join(base, &["auth", "login"]);
        url.query_pairs_mut().append_pair("session_id", self.0.expose_secret());
        url
    }

    pub(super) fn poll(&self, base: &Url) -> Url {
        join(base, &["auth", "session", self.0.expose_secret()])
    }
}

/// 32 random bytes as 43 characters.
pub(super) fn random_word() -> Result<SecretString> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| Error::new(ErrorKind::Io, "the system gave no random bytes"))?;
    Ok(word(&bytes))
}

fn word(bytes: &[u8; 32]) -> SecretString {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn it_has_the_published_form_and_the_servers_code() {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = at as u8;
        }
        let id = SessionId(word(&bytes));
        assert_eq!(id.0.expose_secret(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(id.code(), "AECN-WYEE", "the page shows the same letters");
        let base = Url::parse("https://h/prefix/").unwrap();
        let (page, poll) = (id.page(&base), id.poll(&base));
        assert!(page.as_str().starts_with("https://h/prefix/auth/login?session_id=AAECAwQF"), "{page}");
        assert!(poll.as_str().starts_with("https://h/prefix/auth/session/AAECAwQF"), "{poll}");
        assert_eq!(id.page(&Url::parse("https://h/prefix").unwrap()), page);
        assert!(!format!("{id:?}").contains("AAEC"));
    }

    #[test]
    fn no_two_are_alike() {
        let one = SessionId::random().unwrap();
        assert_eq!(one.0.expose_secret().len(), 43);
        assert_ne!(one.0.expose_secret(), SessionId::random().unwrap().0.expose_secret());
    }
}
