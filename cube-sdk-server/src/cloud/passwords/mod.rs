//! Passwords of users who sign in here: argon2id, at most two computed at once.

mod guesses;

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use tokio::sync::Semaphore;

pub(crate) use guesses::Guesses;

use crate::random;

/// Each takes 19 MiB and tens of milliseconds of a core.
const AT_ONCE: usize = 2;
/// The shortest password that is taken for a new user.
pub(crate) const SHORTEST: usize = 10;
/// The longest that is looked at.
const LONGEST: usize = 1024;

/// Computes and compares hashes.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    /// Compared with when there is no such user, so that both take the same time.
    nobody: Arc<SecretString>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self> {
        let nobody = compute(random::url_safe()?.expose_secret())?;
        Ok(Self { places: Arc::new(Semaphore::new(AT_ONCE)), nobody: Arc::new(nobody) })
    }

    /// Is this the password behind the hash? Without a hash: no, after the same time.
    pub(crate) async fn fits(&self, password: SecretString, stored: Option<SecretString>) -> Result<bool> {
        if password.expose_secret().len() > LONGEST {
            return Ok(false);
        }
        let nobody = Arc::clone(&self.nobody);
        let _place = self.places.acquire().await.map_err(|cause| failed("waiting for a place").cause(cause))?;
        let compared = tokio::task::spawn_blocking(move || {
            let text = stored.as_ref().unwrap_or(&nobody).expose_secret();
            let hash = PasswordHash::new(text).map_err(|cause| failed("reading a stored hash").cause(cause))?;
            let fits = Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok();
            Ok(fits && stored.is_some())
        });
        compared.await.map_err(|cause| failed("comparing a password").cause(cause))?
    }
}

/// The hash of a new password.
///
/// # Errors
/// `InvalidInput` when it has fewer than 10 characters or more than 1 024 bytes.
pub(crate) async fn hashed(password: SecretString) -> Result<SecretString> {
    let text = password.expose_secret();
    if text.chars().count() < SHORTEST || text.len() > LONGEST {
        let message = format!("the password must have {SHORTEST} characters or more, and at most {LONGEST} bytes");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let computed = tokio::task::spawn_blocking(move || compute(password.expose_secret()));
    computed.await.map_err(|cause| failed("computing a hash").cause(cause))?
}

fn compute(password: &str) -> Result<SecretString> {
    let computing = |cause| failed("computing a hash").cause(cause);
    let salt = SaltString::encode_b64(&random::bytes::<16>()?).map_err(computing)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(computing)?;
    Ok(hash.to_string().into())
}

fn failed(doing: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{doing} failed"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_one_fits_and_nothing_else() {
        let passwords = Passwords::new().unwrap();
        let stored = hashed("correct horse".to_owned().into()).await.unwrap();
        assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let fits = async |text: &str, stored: Option<&SecretString>| {
            passwords.fits(text.to_owned().into(), stored.cloned()).await.unwrap()
        };
        assert!(fits("correct horse", Some(&stored)).await);
        assert!(!fits("correct horsE", Some(&stored)).await);
        assert!(!fits("", Some(&stored)).await);
        assert!(!fits("correct horse", None).await, "nobody has a password");
        assert!(!fits(&"x".repeat(LONGEST + 1), Some(&stored)).await);
        assert!(passwords.fits("x".to_owned().into(), Some("no hash".to_owned().into())).await.is_err());
    }

    #[tokio::test]
    async fn short_ones_are_refused() {
        assert_eq!(hashed("ninechars".to_owned().into()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(hashed("tencharsss".to_owned().into()).await.is_ok());
    }
}
