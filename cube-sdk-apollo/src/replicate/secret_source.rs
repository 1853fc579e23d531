//! Where the values of secrets come from: Apollo never tells them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};

/// One key of one secret of an entity.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct SecretKey {
    /// The entity's name.
    pub entity: String,
    /// The secret's name.
    pub secret: String,
    /// The key's name.
    pub key: String,
}

impl SecretKey {
    /// Names a key.
    pub fn new(entity: impl Into<String>, secret: impl Into<String>, key: impl Into<String>) -> Self {
        Self { entity: entity.into(), secret: secret.into(), key: key.into() }
    }
}

/// Gives values of secrets. A map from [`SecretKey`] is one.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// The value; none when this source has none.
    ///
    /// # Errors
    /// Those of the source: they end the replication, which can be resumed.
    async fn value(&self, key: &SecretKey) -> Result<Option<SecretString>>;
}

/// A source without any value.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn value(&self, _: &SecretKey) -> Result<Option<SecretString>> {
        Ok(None)
    }
}

#[async_trait]
impl SecretSource for BTreeMap<SecretKey, SecretString> {
    async fn value(&self, key: &SecretKey) -> Result<Option<SecretString>> {
        Ok(self.get(key).cloned())
    }
}
