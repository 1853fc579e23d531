//! Writing an entity's config.

use std::fmt;

use async_trait::async_trait;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::{Deserialize, Serialize};

use super::{Carry, Ready, Seen, Sent};
use crate::entities::{ConfigUpdate, config_request, write_config};
use crate::entity_config::{EntityConfig, is_blank, joined, refuse_placeholders, render, secret_texts};
use crate::ids::EntityId;
use crate::model::Entity;
use crate::replicate::context::Context;
use crate::replicate::digest::sha256;
use crate::replicate::record::Noted;

/// Writes the source entity's config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WriteConfig {
    /// The entity's name.
    pub entity: String,
    /// The source's entity.
    pub from: EntityId,
}

impl WriteConfig {
    pub(in crate::replicate) const fn new(entity: String, from: EntityId) -> Self {
        Self { entity, from }
    }

    /// The config to write: the source's declared texts as they are, labels included; where none is declared, what was
    /// reported under the label of an entity without version.
    async fn text(&self, at: &Context) -> Result<(SecretString, Vec<SecretString>)> {
        let declared = at.mode.declared(&at.source, &Entity::by_id(self.from.clone())).await?.config;
        let config = EntityConfig::from_texts(&declared);
        let refuse = |why: &str| {
            Err(Error::new(ErrorKind::Conflict, why).with_target(format!("{}/{}", at.source.name, self.entity)))
        };
        let mut hidden = Vec::new();
        let mut labels: Vec<_> = config.blocks().iter().map(|block| block.version()).collect();
        for block in config.blocks() {
            let Some(overrides) = block.expose_overrides() else {
                return refuse("a config block of the source cannot be parsed: write the config by hand");
            };
            refuse_placeholders(overrides)?;
            hidden.extend(secret_texts(overrides));
        }
        labels.sort_unstable();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("the source declares a config label twice: write the config by hand");
        }
        if config.is_empty() && !declared.iter().all(is_blank) {
            return refuse("the config of the source cannot be parsed: write the config by hand");
        }
        if config.is_empty() {
            let settings = at.apollo.entities(&at.source).settings(&self.from).await?;
            let overrides = settings.reported.map(|reported| reported.expose().clone()).unwrap_or_default();
            if !overrides.is_object() {
                return refuse("the source declares no config, and what it reported is no object");
            }
            return Ok((render("0.0.0", &overrides)?, secret_texts(&overrides)));
        }
        Ok((joined(&declared)?, hidden))
    }
}

impl fmt::Display for WriteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write config of {}", self.entity)
    }
}

#[async_trait]
impl Carry for WriteConfig {
    fn key(&self) -> String {
        format!("config {}", self.entity)
    }

    fn subject(&self) -> Option<&str> {
        Some(&self.entity)
    }

    /// Only an entity that still has the config that it began with may be written to.
    async fn look(&self, at: &Context, noted: Option<&Noted>) -> Result<Seen> {
        let Some(found) = at.target_entity(&self.entity).await? else { return Ok(Seen::Nothing) };
        let declared = at.declared(&found).await?;
        let wanted = match noted.and_then(|noted| noted.config.clone()) {
            Some(sent) => sent,
            None => sha256(self.text(at).await?.0.expose_secret().as_bytes()),
        };
        if declared == wanted {
            return Ok(Seen::Same(None));
        }
        let began = at.began_with.get(&self.entity).map_or_else(|| sha256(b""), Clone::clone);
        if declared == began {
            return Ok(Seen::Nothing);
        }
        Ok(Seen::Other(format!("the config of {} was written by somebody else", self.entity)))
    }

    async fn ready(&self, at: &Context) -> Result<Ready> {
        let Some(found) = at.target_entity(&self.entity).await? else {
            return Ok(Ready::Pending(format!("entity {} is not on the target yet", self.entity)));
        };
        let (text, hidden) = self.text(at).await?;
        let digest = sha256(text.expose_secret().as_bytes());
        let request = config_request(at.target()?, &found, text, hidden, None)?;
        let (apollo, target) = (at.apollo.clone(), at.target()?.clone());
        Ok(Ready::sending(Some(digest), move || async move {
            Ok(match write_config(&apollo, &target, &found, &request).await? {
                ConfigUpdate::Opened(change) => Sent::Opened(change.rid().clone()),
                ConfigUpdate::Unchanged => Sent::Done(None),
            })
        }))
    }

    /// The same config is the same whoever wrote it.
    fn may_stand(&self) -> bool {
        true
    }
}
