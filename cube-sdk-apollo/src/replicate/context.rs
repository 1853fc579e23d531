//! What every step of a run shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use cube_sdk_core::{Error, ErrorKind, Result};

use super::digest::sha256_of_texts;
use super::secret_source::SecretSource;
use crate::choice::Match;
use crate::client::Apollo;
use crate::ids::Rid;
use crate::mode::Mode;
use crate::model::{ChangeRequest, Entity, Environment};
use crate::references::EnvironmentRef;
use crate::resolve::all_environments;

#[derive(Clone)]
pub(super) struct Context {
    pub(super) apollo: Apollo,
    pub(super) mode: Mode,
    pub(super) source: Environment,
    /// None until it is created.
    pub(super) target: Option<Environment>,
    pub(super) target_name: String,
    pub(super) secrets: Arc<dyn SecretSource>,
    /// What entities that this replication installed began with: SHA-256 of their config by name.
    pub(super) began_with: BTreeMap<String, String>,
    /// The target's entities, while many steps are only looked at.
    pub(super) snapshot: Option<Vec<Entity>>,
}

impl Context {
    pub(super) fn target(&self) -> Result<&Environment> {
        self.target.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "the target does not exist")
                .with_target(self.target_name.clone())
                .advice("make a new plan")
        })
    }

    /// The target's entity of exactly this name.
    pub(super) async fn target_entity(&self, name: &str) -> Result<Option<Entity>> {
        let target = self.target()?;
        let live;
        let entities = match &self.snapshot {
            Some(snapshot) => snapshot,
            None => {
                live = self.mode.entity_refs(target).await?;
                &live
            }
        };
        let is_it = |entity: &&Entity| entity.entity_name.as_deref().unwrap_or(&entity.name) == name;
        let found: Vec<_> = entities.iter().filter(is_it).collect();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some((*one).clone())),
            many => Err(Error::new(ErrorKind::Conflict, format!("the target has {} entities {name}", many.len()))
                .with_target(target.name.clone())
                .advice("give them names of their own, then make a new plan")),
        }
    }

    /// SHA-256 of an entity's declared config on the target; that of nothing when there is none.
    pub(super) async fn declared(&self, entity: &Entity) -> Result<String> {
        let declared = self.mode.declared(self.target()?, entity).await?.config;
        Ok(sha256_of_texts(&declared))
    }

    /// A handle on a change request of the target.
    pub(super) fn change(&self, rid: &Rid) -> Result<ChangeRequest> {
        Ok(ChangeRequest::known(&self.apollo, self.target()?.id.clone(), rid.clone()))
    }
}

/// The environments of exactly this name.
pub(super) async fn named(mode: &Mode, name: &str) -> Result<Vec<Environment>> {
    let all = mode.whole(all_environments(), "environments").await?;
    Ok(all.into_iter().filter(|environment| environment.name == name).collect())
}

/// The target by exact name or RID; none when it has to be created.
pub(super) async fn find_target(mode: &Mode, name: &str) -> Result<Option<Environment>> {
    let name = name.trim();
    let refuse = |words: &str, advice: &str| {
        Err(Error::new(ErrorKind::InvalidInput, words).with_target(name.to_owned()).advice(advice.to_owned()))
    };
    if name.is_empty() {
        return refuse("the target needs a name", "give one");
    }
    if Rid::is_rid(name) {
        return mode.environment(&EnvironmentRef::from(name), Match::Exact).await.map(Some);
    }
    let all = mode.whole(all_environments(), "environments").await?;
    let exact: Vec<_> = all.iter().filter(|environment| environment.name == name).collect();
    match exact.as_slice() {
        [] => {}
        [one] => return Ok(Some((*one).clone())),
        many => return Err(several(name, many.iter().copied())),
    }
    match all.iter().find(|environment| environment.name.to_lowercase() == name.to_lowercase()) {
        Some(near) => {
            refuse("an environment is called the same but for case", &format!("use `{}` or another name", near.name))
        }
        None => Ok(None),
    }
}

/// Two environments of the target's name: neither may be taken.
pub(super) fn several<'a>(name: &str, found: impl Iterator<Item = &'a Environment>) -> Error {
    let found: Vec<_> =
        found.map(|environment| environment.rid.as_ref().map_or(environment.id.as_str(), Rid::as_str)).collect();
    Error::new(ErrorKind::Conflict, format!("several environments are called `{name}`: {}", found.join(", ")))
        .with_target(name.to_owned())
        .with_ambiguous()
        .advice("make a new plan with the RID of the one that is meant")
}
