//! Looking at entities: lean, with health, with config.

use cube_sdk_core::redact::masked;
use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::{Entities, Entity, EntityRef, about};
use crate::client::Answer;
use crate::drain::{Listing, Shape, Source};
use crate::entity_config::EntityConfig;
use crate::environments::Environment;
use crate::graphql::{
    ConsoleEnvironmentEntities, EntityByName, EnvironmentEntities, ModuleInstalledEntities, Paged,
    ReactorGatewayEntity, Request, TeleportAgentEntities, console_environment_entities, entity_by_name,
    environment_entities, module_installed_entities, reactor_gateway_entity, teleport_agent_entities, wire,
};
use crate::ids::Rid;
use crate::plans::Plan;
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match, Named, pick};

/// Health, config and recent plans of an entity.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntityHealth {
    /// The entity.
    pub entity: Entity,
    /// Its declared config; secrets are masked in every display.
    pub config: EntityConfig,
    /// Its plans, at most five, newest first.
    pub plans: Vec<Plan>,
}

/// What an entity is set to, and what it reported to be set to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EntitySettings {
    /// The entity.
    pub entity: Entity,
    /// The declared config.
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

impl std::fmt::Debug for ReportedOverrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportedOverrides").field("type_name", &self.type_name).field("value", &self.shown()).finish()
    }
}

/// The entity pages of one environment, read with one document.
pub(crate) fn entity_pages<D: Paged, T: Send + Unpin + 'static>(
    apollo: &crate::Apollo,
    environment: EnvironmentRef,
    identity: &'static [&'static str],
    variables: impl Fn(String) -> D::Variables + Send + 'static,
    item: impl Fn(wire::Entity, &Environment, &Answer) -> Result<T> + Send + 'static,
) -> Listing<T> {
    let shape = Shape { page: "/apollo/environmentById/entities", list: "entities", identity };
    Listing::new(apollo, shape, move |session: Session| async move {
        let environment = session.environment(&environment, Match::Free).await?;
        let (id, target) = (environment.id.to_string(), environment.name.clone());
        Ok(Source {
            request: Box::new(move |token| {
                let variables = variables(id.clone());
                let request = match token {
                    None => Request::of::<D>(variables),
                    Some(token) => Request::next::<D>(variables, token),
                };
                Ok(request?.about(target.as_str()))
            }),
            item: Box::new(move |value, answer| item(answer.parse(value)?, &environment, answer)),
        })
    })
}

const BY_ID: &[&str] = &["id", "rid"];

impl Entities {
    /// Every entity, without config and plans.
    pub fn list(&self) -> Listing<Entity> {
        entity_pages::<ConsoleEnvironmentEntities, _>(
            &self.apollo,
            self.environment.clone(),
            BY_ID,
            |id| console_environment_entities::Variables { id },
            |wire, _, answer| Entity::from_wire(wire, answer),
        )
    }

    /// One entity by name, id or RID, without config.
    pub fn get(&self, entity: impl Into<EntityRef>) -> Read<Entity> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            session.entity(&environment, &entity.0).await
        })
    }

    /// Every entity with health, config and its last plans: a large read that holds cleartext secrets.
    pub fn health(&self) -> Listing<EntityHealth> {
        let apollo = self.apollo.clone();
        entity_pages::<EnvironmentEntities, _>(
            &self.apollo,
            self.environment.clone(),
            BY_ID,
            |id| environment_entities::Variables { id },
            move |mut wire, environment, answer| {
                let texts = wire.declared_state.as_mut().map(|state| std::mem::take(&mut state.config).0);
                let plans = wire.plans.take().map(|page| page.plans.0).unwrap_or_default();
                let entity = Entity::from_wire(wire, answer)?;
                let config = EntityConfig::from_texts(&texts.unwrap_or_default());
                let plans = Plan::many(&apollo, environment, &entity, plans);
                Ok(EntityHealth { entity, config, plans })
            },
        )
    }

    /// The first entity of a product that is on the environment. A list that could not be read to its end is an error,
    /// because absence would otherwise be reported as fact.
    pub fn deployed(&self, product: impl Into<String>) -> Read<Option<DeployedEntity>> {
        let (apollo, reference, product) = (self.apollo.clone(), self.environment.clone(), product.into());
        Read::new(&self.apollo, |_| async move {
            let mut list = entity_pages::<TeleportAgentEntities, _>(
                &apollo,
                reference,
                &[],
                |id| teleport_agent_entities::Variables { id },
                |wire, _, _| Ok(DeployedEntity::from_wire(wire)),
            );
            while let Some(entity) = list.try_next().await? {
                if entity.product.as_deref() == Some(product.as_str()) {
                    return Ok(Some(entity));
                }
            }
            Ok(None)
        })
    }

    /// The entities that a module installation manages.
    pub fn managed_by(&self, installation: impl Into<Rid>) -> Read<Vec<DeployedEntity>> {
        let (apollo, reference, rid) = (self.apollo.clone(), self.environment.clone(), installation.into());
        Read::new(&self.apollo, |_| async move { managed_by(&apollo, reference, &rid).await })
    }

    /// Config of one entity, by its id: no other entity's secrets are fetched.
    pub fn config(&self, entity: impl Into<EntityRef>) -> Read<EntityConfig> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let wire = session.declared(&environment, &entity).await?;
            Ok(EntityConfig::from_texts(&wire.config.0))
        })
    }

    /// Declared and reported config of one entity. Apollo has no document for this that leaves out the other entities:
    /// prefer [`Self::config`].
    pub fn settings(&self, entity: impl Into<EntityRef>) -> Read<EntitySettings> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Read::new(&self.apollo, |_| async move {
            let all = entity_pages::<EntityByName, _>(
                &apollo,
                reference,
                BY_ID,
                |id| entity_by_name::Variables { id },
                |mut wire, _, answer| {
                    let texts = wire.declared_state.as_mut().map(|state| std::mem::take(&mut state.config).0);
                    let reported = wire.reported_config_overrides.take().map(ReportedOverrides::from_wire);
                    let config = EntityConfig::from_texts(&texts.unwrap_or_default());
                    Ok(EntitySettings { entity: Entity::from_wire(wire, answer)?, config, reported })
                },
            );
            let all = all.collect_up_to(usize::MAX).await?;
            pick("entity", &entity.0, &all, Match::Free).cloned()
        })
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

/// An entity in a list that tells no id.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct DeployedEntity {
    /// The display name, else the entity name.
    pub name: Option<String>,
    /// `group:artifact`.
    pub product: Option<String>,
    /// The lifecycle in the server's word, if told.
    pub lifecycle: Option<String>,
}

impl DeployedEntity {
    fn from_wire(wire: wire::Entity) -> Self {
        Self {
            name: wire.display_name.or_else(|| wire.entity_locator?.entity_name),
            product: wire.product.and_then(|product| product.product_id),
            lifecycle: wire.lifecycle_status,
        }
    }
}

/// The entities whose managing module is this installation.
pub(crate) async fn managed_by(
    apollo: &crate::Apollo,
    environment: EnvironmentRef,
    installation: &Rid,
) -> Result<Vec<DeployedEntity>> {
    let list = entity_pages::<ModuleInstalledEntities, _>(
        apollo,
        environment,
        &[],
        |id| module_installed_entities::Variables { id },
        |mut wire, _, _| {
            let manager = wire.installed_by.take().and_then(|module| module.rid);
            Ok((manager, DeployedEntity::from_wire(wire)))
        },
    );
    let all = list.collect_up_to(usize::MAX).await?;
    let ours = all.into_iter().filter(|(manager, _)| manager.as_deref() == Some(installation.as_str()));
    Ok(ours.map(|(_, entity)| entity).collect())
}

impl Session {
    /// The declared state of one entity. Ids are fleet-wide: the environment is checked before anything is used.
    pub(crate) async fn declared(&self, environment: &Environment, entity: &Entity) -> Result<wire::Declared> {
        let variables = reactor_gateway_entity::Variables { id: entity.id.to_string() };
        let request = Request::of::<ReactorGatewayEntity>(variables)?.about(about(&environment.name, &entity.name));
        let answer = self.send(request).await?;
        let found: wire::Entity = answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
        belongs(&found, environment)?;
        Ok(found.declared_state.unwrap_or_default())
    }
}

/// Refuses an entity of another environment.
pub(crate) fn belongs(found: &wire::Entity, environment: &Environment) -> Result<()> {
    let home = found.environment.as_ref().and_then(|environment| environment.id.as_deref());
    if home == Some(environment.id.as_str()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotFound, "the entity belongs to another environment")
        .with_target(environment.name.clone()))
}
