//! Which key counts: the one set in code, then `CUBE_API_KEY`, then the one that is kept.

use std::sync::Arc;

use async_trait::async_trait;
use cube_sdk_core::config::{Environment, Origin, Sourced};
use cube_sdk_core::credentials::{Asked, Credentials, Grant};
use cube_sdk_core::secret::{ExposeSecret as _, bearer, trimmed};
use cube_sdk_core::{Error, Result, SecretString};
use cube_sdk_teleport::config::CUBE_API_KEY;

use super::KeyStore;

/// Asked before each attempt, so that a key that another program rotates is taken up.
#[derive(Clone, Debug)]
pub(crate) struct KeySource {
    set: Option<SecretString>,
    environment: Environment,
    store: Option<Arc<dyn KeyStore>>,
}

impl KeySource {
    pub(crate) const fn new(
        set: Option<SecretString>,
        environment: Environment,
        store: Option<Arc<dyn KeyStore>>,
    ) -> Self {
        Self { set, environment, store }
    }

    /// Where keys are kept, if anywhere.
    pub(crate) const fn store(&self) -> Option<&Arc<dyn KeyStore>> {
        self.store.as_ref()
    }

    /// A key that wins over the one that is kept.
    pub(crate) fn winning(&self) -> Result<Option<Sourced<SecretString>>> {
        let found = match &self.set {
            Some(key) => Some(Sourced::code(key.clone())),
            None => self.environment.secret(CUBE_API_KEY)?,
        };
        found
            .map(|found| {
                let place = format!("{} ({})", CUBE_API_KEY.env, found.origin);
                let named = |error: Error| error.with_target(place.clone());
                let value = trimmed(&found.value).map_err(named)?;
                bearer(&value).map_err(named)?;
                Ok(Sourced { value, origin: found.origin })
            })
            .transpose()
    }

    /// The key, and where it came from.
    pub(crate) async fn find(&self) -> Result<Option<Sourced<SecretString>>> {
        if let Some(found) = self.winning()? {
            return Ok(Some(found));
        }
        let Some(store) = &self.store else { return Ok(None) };
        Ok(store.load().await?.map(|value| Sourced { value, origin: Origin::File(store.place()) }))
    }

    /// The key.
    ///
    /// # Errors
    /// `Credentials`, naming who was asked, when there is none.
    pub(crate) async fn key(&self) -> Result<SecretString> {
        if let Some(found) = self.find().await? {
            return Ok(found.value);
        }
        let mut asked = Asked::default();
        asked.said(CUBE_API_KEY.env, "not set");
        match &self.store {
            Some(store) => asked.said(store.place(), "no key is kept there"),
            None => asked.said("the key file", "the environment names neither CUBE_AGENT_CONFIG_DIR nor a home"),
        }
        Err(asked.into_error().advice("log in, or set CUBE_API_KEY"))
    }
}

#[async_trait]
impl Credentials for KeySource {
    async fn grant(&self) -> Result<Grant> {
        Ok(Grant { authorization: bearer(&self.key().await?)?, expires_at: None })
    }

    async fn refused(&self, grant: &Grant) -> bool {
        self.grant().await.is_ok_and(|now| now.authorization != grant.authorization)
    }
}

#[async_trait]
impl cube_sdk_teleport::KeySource for KeySource {
    async fn key(&self) -> Result<SecretString> {
        let key = Self::key(self).await?;
        Ok(SecretString::from(key.expose_secret()))
    }
}
