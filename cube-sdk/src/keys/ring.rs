//! The key in the system's own store of secrets.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use keyring::Entry;

use super::KeyStore;

/// The name that it has there.
const SERVICE: &str = "cube-cloud";

/// The system's own store of secrets: the Keychain on macOS, the Credential Manager on Windows; on Linux the kernel's
/// keyring, which forgets when the machine is started anew. The published agent does not look there.
///
/// ```no_run
/// use cube_sdk::auth::KeyRing;
/// use cube_sdk::prelude::*;
///
/// let cloud = Cube::from_env()?.cloud_builder().key_store(KeyRing::new("fleet-console")).build()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(String);

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.0).finish()
    }
}

impl KeyRing {
    /// One key for each account; which is any name of the program's own, such as the service's host.
    pub fn new(account: impl Into<String>) -> Self {
        Self(account.into())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        kind: ErrorKind,
        work: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let account = self.0.clone();
        let failed = |words: String| Error::new(kind, words).with_target(self.place());
        let done = tokio::task::spawn_blocking(move || Entry::new(SERVICE, &account).and_then(|entry| work(&entry)));
        match done.await {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(keyring::Error::NoEntry)) => Ok(None),
            Ok(Err(cause)) => Err(failed(format!("{doing} failed: {cause}"))
                .advice("unlock the system's store of secrets, or keep the key in a file")),
            Err(cause) => Err(failed(format!("{doing} was stopped")).cause(cause)),
        }
    }
}

#[async_trait]
impl KeyStore for KeyRing {
    async fn load(&self) -> Result<Option<SecretString>> {
        let read = self.blocking("reading the key", ErrorKind::Credentials, Entry::get_password).await?;
        let key = read.map(|text| SecretString::from(text.trim()));
        Ok(key.filter(|key| !key.expose_secret().is_empty()))
    }

    async fn save(&self, key: &SecretString) -> Result<()> {
        let key = key.clone();
        let save = move |entry: &Entry| entry.set_password(key.expose_secret());
        self.blocking("keeping the key", ErrorKind::Io, save).await.map(drop)
    }

    async fn remove(&self) -> Result<bool> {
        Ok(self.blocking("removing the key", ErrorKind::Io, Entry::delete_credential).await?.is_some())
    }

    async fn prepare(&self) -> Result<()> {
        self.blocking("opening the system's store of secrets", ErrorKind::Io, |_| Ok(())).await.map(drop)
    }

    fn place(&self) -> String {
        format!("the system's store of secrets ({SERVICE}, {})", self.0)
    }
}
