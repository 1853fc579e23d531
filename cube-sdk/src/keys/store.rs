//! The seam: where a key is kept between runs.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

/// Where the key is kept between runs. [`KeyFile`](super::KeyFile) is the default.
#[async_trait]
pub trait KeyStore: fmt::Debug + Send + Sync + 'static {
    /// The key that is kept, trimmed; none when there is none.
    ///
    /// # Errors
    /// `Credentials` when there may be one that cannot be read.
    async fn load(&self) -> Result<Option<SecretString>>;

    /// Keeps a key in place of the one before.
    ///
    /// # Errors
    /// `Io` when it cannot be kept; the one before is then still there.
    async fn save(&self, key: &SecretString) -> Result<()>;

    /// Forgets the key; tells whether there was one.
    ///
    /// # Errors
    /// `Io` when it cannot be removed.
    async fn remove(&self) -> Result<bool>;

    /// Could a key be kept? Asked before one is made.
    ///
    /// # Errors
    /// `Io` when not.
    async fn prepare(&self) -> Result<()>;

    /// Where it is, for people.
    fn place(&self) -> String;
}
