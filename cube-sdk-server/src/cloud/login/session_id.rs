//! The id of a login: made by the client that waits, 32 random bytes as 43 characters.

use cube_sdk_core::secret::{ExposeSecret, SecretString};

use crate::cloud::api_keys::hash;
use crate::random;
use crate::store::cloud::Hash;

/// An id of the right form. Whoever has it gets the key, so it is a secret.
#[derive(Clone, Debug)]
pub(crate) struct SessionId(SecretString);

impl SessionId {
    pub(crate) fn new(text: &str) -> Option<Self> {
        random::is_url_safe(text).then(|| Self(SecretString::from(text.to_owned())))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What it is stored under.
    pub(crate) fn hash(&self) -> Hash {
        hash(self.expose())
    }

    /// Eight letters for people to compare: the page shows them, and so may the client.
    pub(crate) fn code(&self) -> String {
        let letters: String = self.hash().iter().take(8).map(|byte| char::from(b'A' + byte % 26)).collect();
        format!("{}-{}", &letters[..4], &letters[4..])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_the_published_form_are_taken() {
        let good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let id = SessionId::new(good).unwrap();
        assert_eq!(id.code(), "AECN-WYEE", "clients print the same letters");
        assert!(!format!("{id:?}").contains(good));
        for bad in ["", "short", &good[1..], &format!("{good}A"), &good.replace('A', "/"), &good.replace('A', " ")] {
            assert!(SessionId::new(bad).is_none(), "{bad}");
        }
    }
}
