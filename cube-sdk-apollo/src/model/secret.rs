//! Secrets of entities, without their values.

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::answer::Answer;
use crate::choice::Named;
use crate::graphql::wire;
use crate::ids::Rid;
use crate::model::Entity;

/// A secret of an entity, without its values.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Secret {
    /// The RID.
    pub rid: Option<Rid>,
    /// The name.
    pub name: String,
    /// The names of its keys, as far as they are told.
    pub keys: Vec<String>,
    /// Are these all of its keys? Not for a kind that is unknown, or where the reply leaves keys out.
    pub keys_are_known: bool,
    /// The name of the specification's union member.
    pub type_name: String,
}

impl Secret {
    /// None for one without a name.
    pub(crate) fn from_wire(wire: wire::Secret) -> Option<Self> {
        let specification = wire.specification.unwrap_or_default();
        let told = specification.keys.unwrap_or(wire::List { items: Vec::new(), nulls: 1 });
        let (all, nulls) = (told.items.len(), told.nulls);
        let keys: Vec<_> = told.items.into_iter().filter_map(|key| key.key).collect();
        Some(Self {
            rid: wire.rid.map(Rid::from),
            name: wire.name?,
            keys_are_known: nulls == 0 && keys.len() == all,
            keys,
            type_name: specification.type_name.unwrap_or_default(),
        })
    }
}

/// The secrets of an entity; none when the reply does not tell all of them.
pub(crate) fn secrets_of(wire: Option<wire::List<wire::Secret>>) -> Option<Vec<Secret>> {
    wire?.whole()?.into_iter().map(Secret::from_wire).collect()
}

/// An entity with its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) entity: Entity,
    secrets: Option<Vec<Secret>>,
}

impl Holder {
    pub(crate) fn from_wire(mut wire: wire::Entity, answer: &Answer) -> Result<Self> {
        // Beside errors what came is taken: they say what is missing.
        let told = wire.secrets.take();
        let secrets = if answer.fault.is_some() {
            Some(told.unwrap_or_default().items.into_iter().filter_map(Secret::from_wire).collect())
        } else {
            secrets_of(told)
        };
        Ok(Self { entity: Entity::from_wire(wire, answer)?, secrets })
    }

    pub(crate) fn secrets(&self) -> Result<&[Secret]> {
        self.secrets.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Decode, "the reply does not tell all secrets of the entity")
                .with_target(self.entity.name.clone())
                .advice("update the SDK, or report this to the operator of Apollo")
        })
    }
}

impl Named for Holder {
    fn ids(&self) -> Vec<&str> {
        self.entity.ids()
    }

    fn names(&self) -> Vec<&str> {
        self.entity.names()
    }
}
