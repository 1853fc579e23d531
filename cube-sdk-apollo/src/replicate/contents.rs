//! What an environment holds: as a source tells it, and as a target must tell it.

use std::collections::{BTreeMap, HashSet};

use cube_sdk_core::{Error, ErrorKind, Result};

use crate::graphql::{EntitySecrets, SourceEnv, TargetEnv, entity_secrets, source_env, target_env, wire};
use crate::listing::{entity_pages, list_in};
use crate::mode::Mode;
use crate::model::{Environment, Secret, secrets_of};

/// What an environment holds, as its pages tell it.
#[derive(Default)]
pub(super) struct Source {
    pub(super) accreditation: Option<String>,
    pub(super) modules: Option<wire::List<wire::Module>>,
    pub(super) entities: Vec<wire::Entity>,
    /// Entities that a reply left out.
    pub(super) hidden: usize,
}

impl Source {
    pub(super) async fn read(mode: &Mode, environment: &Environment) -> Result<Self> {
        let mut source = Self::default();
        let mut pages = list_in(mode, entity_pages::<SourceEnv>(environment, |id| source_env::Variables { id }));
        while let Some(page) = pages.try_next().await? {
            // Modules are not paged: every page tells all of them.
            source.modules = page.modules.and_then(|modules| modules.module_installations).or(source.modules);
            source.accreditation = page.accreditation.or(source.accreditation);
            let entities = page.entities.and_then(|page| page.entities).unwrap_or_default();
            source.hidden += entities.nulls;
            source.entities.extend(entities.items);
        }
        Ok(source)
    }
}

/// What the target has: module coordinates, and entities with their secrets.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) modules: HashSet<String>,
    pub(super) entities: BTreeMap<String, Vec<Secret>>,
}

impl Contents {
    /// A reply that leaves something out is an error: what is not seen would be made twice.
    pub(super) async fn read(mode: &Mode, environment: &Environment) -> Result<Self> {
        let short = |what: &str| {
            Error::new(ErrorKind::Decode, format!("the reply does not tell all {what} of the target"))
                .with_target(environment.name.clone())
                .advice("make the plan again")
        };
        let mut contents = Self::default();
        let mut pages = list_in(mode, entity_pages::<TargetEnv>(environment, |id| target_env::Variables { id }));
        while let Some(page) = pages.try_next().await? {
            let modules = page.modules.and_then(|modules| modules.module_installations?.whole());
            let modules = modules.ok_or_else(|| short("modules"))?;
            let coordinates: Option<Vec<_>> = modules.into_iter().map(|module| module.coordinate).collect();
            contents.modules.extend(coordinates.ok_or_else(|| short("coordinates of the modules"))?);
            let entities = page.entities.and_then(|page| page.entities?.whole()).ok_or_else(|| short("entities"))?;
            for entity in entities {
                if let Some(name) = entity.entity_locator.and_then(|locator| locator.entity_name) {
                    contents.entities.entry(name).or_default();
                }
            }
        }
        let mut pages =
            list_in(mode, entity_pages::<EntitySecrets>(environment, |id| entity_secrets::Variables { id }));
        while let Some(page) = pages.try_next().await? {
            let entities = page.entities.and_then(|page| page.entities?.whole()).ok_or_else(|| short("entities"))?;
            for entity in entities {
                let Some(name) = entity.entity_locator.and_then(|locator| locator.entity_name) else { continue };
                let secrets = secrets_of(entity.secrets).ok_or_else(|| short("secrets"))?;
                contents.entities.entry(name).or_default().extend(secrets);
            }
        }
        Ok(contents)
    }
}

/// An environment with what it holds.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) environment: &'a Environment,
    pub(super) has: &'a Source,
}

impl<'a> Held<'a> {
    /// The one entity of a name.
    pub(super) fn entity(self, name: &str) -> Option<&'a wire::Entity> {
        let is_it = |entity: &&wire::Entity| {
            entity.entity_locator.as_ref().and_then(|locator| locator.entity_name.as_deref()) == Some(name)
        };
        self.has.entities.iter().find(is_it)
    }
}
