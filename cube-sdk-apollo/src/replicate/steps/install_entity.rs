//! Installing an entity.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::Result;
use serde::{Deserialize, Serialize};

use super::{Carry, Ready, Seen, Sent};
use crate::entity_config::is_blank;
use crate::replicate::context::Context;
use crate::replicate::record::Noted;

/// Installs an entity.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InstallEntity {
    /// Its name.
    pub entity: String,
    /// `group:artifact`.
    pub product: String,
    /// The channel that it follows.
    pub release_channel: Option<String>,
    /// The Kubernetes namespace.
    pub namespace: String,
}

impl InstallEntity {
    pub(in crate::replicate) const fn new(
        entity: String,
        product: String,
        release_channel: Option<String>,
        namespace: String,
    ) -> Self {
        Self { entity, product, release_channel, namespace }
    }
}

impl fmt::Display for InstallEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "install entity {} ({}) in namespace {}", self.entity, self.product, self.namespace)
    }
}

#[async_trait]
impl Carry for InstallEntity {
    fn key(&self) -> String {
        format!("entity {}", self.entity)
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.entity)
    }

    async fn look(&self, at: &Context, noted: Option<&Noted>) -> Result<Seen> {
        let Some(found) = at.target_entity(&self.entity).await? else { return Ok(Seen::Nothing) };
        if found.managed_by.is_some() {
            return Ok(Seen::Other(format!("a module has brought entity {}", self.entity)));
        }
        if found.product.as_deref() != Some(&self.product) {
            let product = found.product.unwrap_or_else(|| "an unknown product".into());
            return Ok(Seen::Other(format!("entity {} is there, of {product}", self.entity)));
        }
        // One that was not sent is not the step's, whatever its channel and config.
        if noted.is_some() {
            let declared = at.mode.declared(at.target()?, &found).await?;
            if self.release_channel.is_some() && declared.release_channel != self.release_channel {
                let channel = declared.release_channel.unwrap_or_else(|| "(none)".into());
                return Ok(Seen::Other(format!("entity {} is there, on release channel {channel}", self.entity)));
            }
            if !declared.config.iter().all(is_blank) {
                let words = format!("entity {} is there with a config that the step does not give it", self.entity);
                return Ok(Seen::Other(words));
            }
        }
        Ok(Seen::Same(found.rid))
    }

    async fn ready(&self, at: &Context) -> Result<Ready> {
        let entities = at.apollo.entities(at.target()?);
        let mut install =
            entities.install(self.entity.clone(), self.product.as_str()).namespace(self.namespace.clone());
        if let Some(channel) = &self.release_channel {
            install = install.release_channel(channel.clone());
        }
        Ok(Ready::sending(None, || async move { Ok(Sent::Opened(install.await?.rid().clone())) }))
    }

    /// Config and secrets of an entity need it to be listed, which may lag behind the merge.
    async fn settled(&self, at: &Context) -> Result<Option<Option<String>>> {
        match at.target_entity(&self.entity).await? {
            Some(found) => Ok(Some(Some(at.declared(&found).await?))),
            None => Ok(None),
        }
    }
}
