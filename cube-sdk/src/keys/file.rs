//! The key in a file: the one that the published agent reads and writes too.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::{ExposeSecret as _, bearer};
use cube_sdk_core::whole_file::{self, Readers, WholeFile};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};

use super::{CUBE_AGENT_CONFIG_DIR, KeyStore};
use crate::home::{expanded, home};
use crate::own_file;

/// The longest file that is read: no key is longer.
const LONGEST: u64 = 64 * 1024;

/// A file with one key as text, of its owner alone, replaced whole.
///
/// ```
/// use cube_sdk::auth::{KeyFile, KeyStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = KeyFile::new(dir.path().join("api_key"));
/// store.prepare().await?;
/// store.save(&"cube_example".into()).await?;
/// assert!(store.load().await?.is_some() && store.place().ends_with("api_key"));
/// assert!(store.remove().await? && !store.remove().await?);
/// // Where the published agent keeps it.
/// let environment = cube_sdk::core::config::Environment::from_pairs([("HOME", "/home/ann")]);
/// let usual = KeyFile::of(&environment)?.expect("there is a home");
/// assert_eq!(usual.path(), std::path::Path::new("/home/ann/.cube-agent/api_key"));
/// assert!(store.path().starts_with(dir.path()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// The key is read when it is needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// `api_key` in `CUBE_AGENT_CONFIG_DIR`, which is `~/.cube-agent` unless set; none where the environment names neither
    /// that nor a home.
    ///
    /// # Errors
    /// `Config` when a variable cannot be read.
    pub fn of(environment: &Environment) -> Result<Option<Self>> {
        let home = home(environment)?;
        let folder = match environment.text(CUBE_AGENT_CONFIG_DIR)? {
            Some(folder) => Some(expanded(&folder.value, home.as_deref())),
            None => home.map(|home| home.join(".cube-agent")),
        };
        Ok(folder.map(|folder| Self(folder.join("api_key"))))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn failed(&self, kind: ErrorKind, words: &str) -> Error {
        Error::new(kind, words).with_target(self.place())
    }

    fn read(&self) -> Result<Option<SecretString>> {
        let failed =
            |words: &str| self.failed(ErrorKind::Credentials, words).advice("log in again, or set CUBE_API_KEY");
        let file = match std::fs::File::open(&self.0) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed("the key file cannot be read").cause(cause)),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| failed("the key file cannot be read").cause(cause))?;
        if bytes.len() as u64 > LONGEST {
            return Err(failed(&format!("the key file has more than {LONGEST} bytes, which no key has")));
        }
        let text = String::from_utf8(bytes).map(SecretString::from).map_err(|_| failed("the key file is no text"))?;
        let key = SecretString::from(text.expose_secret().trim());
        if key.expose_secret().is_empty() {
            return Ok(None);
        }
        bearer(&key).map_err(|_| failed("the key file holds characters that an HTTP header cannot carry"))?;
        Ok(Some(key))
    }

    /// In a thread that may wait for a disk.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|cause| Err(self.failed(ErrorKind::Io, "work on the key file was stopped").cause(cause)))
    }
}

#[async_trait]
impl KeyStore for KeyFile {
    async fn load(&self) -> Result<Option<SecretString>> {
        self.blocking(Self::read).await
    }

    async fn save(&self, key: &SecretString) -> Result<()> {
        let key = key.clone();
        let save = move |store: &Self| -> io::Result<()> {
            own_file::make_folder(&store.0)?;
            // A link to a file elsewhere stays a link.
            whole_file::write(&own_file::target_of(&store.0)?, key.expose_secret().as_bytes(), Readers::Owner)
        };
        self.blocking(move |store| {
            save(store).map_err(|cause| {
                store
                    .failed(ErrorKind::Io, "the key could not be kept")
                    .advice("check who may write there, or name another folder with CUBE_AGENT_CONFIG_DIR")
                    .cause(cause)
            })
        })
        .await
    }

    async fn remove(&self) -> Result<bool> {
        self.blocking(|store| match std::fs::remove_file(&store.0) {
            Ok(()) => Ok(true),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(store.failed(ErrorKind::Io, "the key file could not be removed").cause(cause)),
        })
        .await
    }

    async fn prepare(&self) -> Result<()> {
        self.blocking(|store| {
            let try_out = || -> io::Result<()> {
                own_file::make_folder(&store.0)?;
                WholeFile::create(&own_file::target_of(&store.0)?, Readers::Owner).map(drop)
            };
            try_out().map_err(|cause| {
                store
                    .failed(ErrorKind::Io, "no key could be kept there")
                    .advice("check who may write there, or name another folder with CUBE_AGENT_CONFIG_DIR")
                    .cause(cause)
            })
        })
        .await
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }
}
