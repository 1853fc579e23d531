//! Entities with health, config and plans.

use std::fmt;

use cube_sdk_core::redact::{masked, masked_name};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::choice::Named;
use crate::entity_config::EntityConfig;
use crate::graphql::wire;
use crate::model::{Entity, Plan};

/// Health, config and recent plans of an entity.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EntityHealth {
    /// The entity.
    pub entity: Entity,
    /// Its declared config; secrets are masked in every display.
    #[serde(serialize_with = "shown")]
    pub config: EntityConfig,
    /// Its plans, at most five, newest first.
    pub plans: Vec<Plan>,
}

/// What an entity is set to, and what it reported to be set to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EntitySettings {
    /// The entity.
    pub entity: Entity,
    /// The declared config.
    #[serde(serialize_with = "shown")]
    pub config: EntityConfig,
    /// The overrides that its agent reported.
    pub reported: Option<ReportedOverrides>,
}

/// Overrides that an agent reported. They may hold secrets; `Debug` masks them.
#[derive(Clone, PartialEq)]
pub struct ReportedOverrides {
    type_name: String,
    value: Value,
}

impl ReportedOverrides {
    pub(crate) fn from_wire(wire: wire::ReportedOverrides) -> Self {
        Self { type_name: wire.type_name.unwrap_or_default(), value: wire.overrides.unwrap_or_default() }
    }

    /// The name of the union member; only `ApolloEntityReportedConfigOverrides_Default` is published.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The overrides, secrets included; null when the member is unknown or none were reported.
    pub const fn expose(&self) -> &Value {
        &self.value
    }

    /// The overrides with secrets masked.
    pub fn shown(&self) -> Value {
        masked(&self.value)
    }
}

/// Secrets masked.
impl Serialize for ReportedOverrides {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("ReportedOverrides", 2)?;
        fields.serialize_field("type_name", &self.type_name)?;
        fields.serialize_field("overrides", &self.shown())?;
        fields.end()
    }
}

impl fmt::Debug for ReportedOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedOverrides").field("type_name", &self.type_name).field("value", &self.shown()).finish()
    }
}

impl Named for EntitySettings {
    fn ids(&self) -> Vec<&str> {
        self.entity.ids()
    }

    fn names(&self) -> Vec<&str> {
        self.entity.names()
    }
}

/// A config for logs: each block's label, and its overrides with secrets masked.
fn shown<S: Serializer>(config: &EntityConfig, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Block {
        version: String,
        overrides: Option<Value>,
    }
    let blocks = config.blocks().iter();
    to.collect_seq(
        blocks.map(|block| Block {
            version: masked_name(block.version()),
            overrides: block.expose_overrides().map(masked),
        }),
    )
}

/// The config texts of a reply, taken out of it.
pub(crate) fn config_of(wire: &mut wire::Entity) -> EntityConfig {
    let texts = wire.declared_state.as_mut().and_then(|state| state.config.take());
    EntityConfig::from_texts(&texts.unwrap_or_default().items)
}
