//! Login, logout and status at cube-cloud.
//!
//! Begin with [`Cube::auth`](crate::Cube::auth): the page of [`Auth`] shows each call.

mod backoff;
mod fault;
mod local;
mod login;
mod opener;
mod poll;
mod session;
mod status;

use std::fmt;
use std::path::Path;

use cube_sdk_core::secret::{bearer, trimmed};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

#[cfg(feature = "keyring")]
pub use crate::keys::KeyRing;
pub use crate::keys::{CUBE_AGENT_CONFIG_DIR, KeyFile, KeyStore};
pub use fault::{LoginErrorExt, LoginFault};
pub use local::LocalToken;
pub use login::{LoggedIn, Login, LoginPage};
pub use opener::Opener;
#[cfg(feature = "webbrowser")]
pub use opener::SystemBrowser;
pub use status::{Connectivity, Status};

use crate::cloud::Cloud;

/// Login, logout and status at cube-cloud. Cheap to clone.
///
/// The key is `CUBE_API_KEY`, or else the one that is kept: in the file `api_key` of `CUBE_AGENT_CONFIG_DIR`, which is
/// `~/.cube-agent` by default and which the published agent reads and writes as well.
///
#[doc = include_str!("../../docs/auth.md")]
#[derive(Clone)]
pub struct Auth(Cloud);

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Auth").field(&self.0).finish()
    }
}

/// What a logout did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LoggedOut {
    /// A key was kept, and is no longer. It stays valid at the service until it is revoked or expires.
    pub removed: bool,
    /// Where a key still comes from: `CUBE_API_KEY`, or the program's own setting.
    pub still_set: Option<String>,
}

impl Auth {
    pub(crate) const fn new(cloud: Cloud) -> Self {
        Self(cloud)
    }

    /// A login by browser, to be awaited. `show` gets the page's address, to be printed for the user, and the letters to
    /// compare.
    pub fn login(&self, show: impl FnOnce(&LoginPage) + Send + 'static) -> Login {
        Login::new(self.0.service().clone(), show)
    }

    /// Keeps a key that somebody was given, in place of the one before: for machines without a browser. It is not tried out:
    /// [`Self::status`] does.
    ///
    /// # Errors
    /// `Config` when it can be no key, `Io` when it cannot be kept.
    pub async fn keep(&self, key: SecretString) -> Result<()> {
        let key = trimmed(&key)?;
        bearer(&key)?;
        self.0.service().store()?.save(&key).await
    }

    /// Forgets the key that is kept. `CUBE_API_KEY` stays, and so does the key at the service.
    ///
    /// # Errors
    /// `Io` when it cannot be removed.
    pub async fn logout(&self) -> Result<LoggedOut> {
        let keys = self.0.service().keys();
        let removed = match keys.store() {
            Some(store) => store.remove().await?,
            None => false,
        };
        // One that cannot be used is set all the same.
        let still_set = match keys.winning() {
            Ok(found) => found.map(|found| found.origin.to_string()),
            Err(error) => error.target().map(str::to_owned),
        };
        Ok(LoggedOut { removed, still_set })
    }

    /// The token that a program of this user's wants from its callers on this machine: in `file`, or else in `http_token` beside
    /// the key. Made where there is none.
    ///
    /// # Errors
    /// As [`LocalToken::at`]; `Config` where no file is named and the environment names no home.
    pub async fn local_token(&self, file: Option<&Path>) -> Result<LocalToken> {
        let file = match file {
            Some(file) => file.to_owned(),
            None => KeyFile::of(self.0.service().ground().environment())?
                .ok_or_else(|| {
                    Error::new(ErrorKind::Config, "there is no place for a token: the environment names no home")
                        .with_target(CUBE_AGENT_CONFIG_DIR.env)
                        .advice("name a file, or set CUBE_AGENT_CONFIG_DIR")
                })?
                .path()
                .with_file_name("http_token"),
        };
        LocalToken::at(&file).await
    }

    /// Where the key comes from, and whether the service answers and takes it.
    ///
    /// # Errors
    /// `Credentials` or `Config` when there is a key that cannot be read or used. What the service says is no error: it
    /// stands in the [`Status`].
    pub async fn status(&self) -> Result<Status> {
        status::status(&self.0).await
    }

    /// Where the key comes from, as far as this machine knows: nothing is sent.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub async fn status_offline(&self) -> Result<Status> {
        status::offline(&self.0).await
    }
}
