//! Looking at entities: lean, with health, with config.

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Result, SecretString};

use super::{Entities, about};
use crate::choice::Match;
use crate::entity_config::EntityConfig;
use crate::graphql::{
    ConsoleEnvironmentEntities, EntityByName, EnvironmentEntities, ModuleInstalledEntities, ReactorGatewayEntity,
    Request, TeleportAgentEntities, console_environment_entities, entity_by_name, environment_entities,
    module_installed_entities, reactor_gateway_entity, teleport_agent_entities, wire,
};
use crate::ids::Rid;
use crate::listing::{BY_ID, entities, list, list_in};
use crate::mode::Mode;
use crate::model::{
    DeployedEntity, Entity, EntityHealth, EntitySettings, Environment, Plan, ReportedOverrides, belongs, config_of,
};
use crate::query::Query;
use crate::references::EntityRef;
use crate::resolve::chosen;

impl Entities {
    /// Every entity, without config and plans.
    pub fn list(&self) -> Listing<Entity> {
        let reference = self.environment.clone();
        list(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(entities::<ConsoleEnvironmentEntities, _>(
                &environment,
                BY_ID,
                |id| console_environment_entities::Variables { id },
                |wire, _, answer| Entity::from_wire(wire, answer),
            ))
        })
    }

    /// One entity by name, id or RID, without config.
    pub fn get(&self, entity: impl Into<EntityRef>) -> Query<Entity> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            mode.entity(&environment, &entity, Match::Free).await
        })
    }

    /// Every entity with health, config and its last plans: a large read that holds cleartext secrets.
    pub fn health(&self) -> Listing<EntityHealth> {
        let (apollo, reference) = (self.apollo.clone(), self.environment.clone());
        list(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            Ok(entities::<EnvironmentEntities, _>(
                &environment,
                BY_ID,
                |id| environment_entities::Variables { id },
                move |mut wire, environment, answer| {
                    let (config, plans) = (config_of(&mut wire), wire.plans.take());
                    let entity = Entity::from_wire(wire, answer)?;
                    let plans = Plan::many(&apollo, environment, &entity, plans, answer)?;
                    Ok(EntityHealth { entity, config, plans })
                },
            ))
        })
    }

    /// The first entity of a product that is on the environment. A list that could not be read to its end is an error,
    /// because absence would otherwise be reported as fact.
    pub fn deployed(&self, product: impl Into<String>) -> Query<Option<DeployedEntity>> {
        let (reference, product) = (self.environment.clone(), product.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let all = entities::<TeleportAgentEntities, _>(
                &environment,
                &[],
                |id| teleport_agent_entities::Variables { id },
                |wire, _, _| Ok(DeployedEntity::from_wire(wire)),
            );
            let is_it = |entity: &DeployedEntity| entity.product.as_deref() == Some(product.as_str());
            let mut found = list_in(&mode, all);
            while let Some(entity) = found.try_next().await? {
                if is_it(&entity) {
                    return Ok(Some(entity));
                }
            }
            mode.no_gap(found.skipped(), "entities").map(|()| None)
        })
    }

    /// The entities that a module installation manages.
    pub fn managed_by(&self, installation: impl Into<Rid>) -> Query<Vec<DeployedEntity>> {
        let (reference, rid) = (self.environment.clone(), installation.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            managed_by(&mode, &environment, &rid).await
        })
    }

    /// Config of one entity, by its id: no other entity's secrets are fetched.
    pub fn config(&self, entity: impl Into<EntityRef>) -> Query<EntityConfig> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let entity = mode.entity(&environment, &entity, Match::Free).await?;
            let declared = mode.declared(&environment, &entity).await?;
            Ok(EntityConfig::from_texts(&declared.config))
        })
    }

    /// Declared and reported config of one entity. Apollo has no document for this that leaves out the other entities:
    /// prefer [`Self::config`].
    pub fn settings(&self, entity: impl Into<EntityRef>) -> Query<EntitySettings> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            let all = entities::<EntityByName, _>(
                &environment,
                BY_ID,
                |id| entity_by_name::Variables { id },
                |mut wire, _, answer| {
                    let config = config_of(&mut wire);
                    let reported = wire.reported_config_overrides.take().map(ReportedOverrides::from_wire);
                    Ok(EntitySettings { entity: Entity::from_wire(wire, answer)?, config, reported })
                },
            );
            let all = mode.whole(all, "entities").await?;
            chosen("entity", &entity.0, &all, Match::Free, &environment)
        })
    }
}

/// The entities whose managing module is this installation.
pub(crate) async fn managed_by(
    mode: &Mode,
    environment: &Environment,
    installation: &Rid,
) -> Result<Vec<DeployedEntity>> {
    let all = entities::<ModuleInstalledEntities, _>(
        environment,
        &[],
        |id| module_installed_entities::Variables { id },
        |mut wire, _, _| {
            let manager = wire.installed_by.take().and_then(|module| module.rid);
            Ok((manager, DeployedEntity::from_wire(wire)))
        },
    );
    let all = mode.whole(all, "entities").await?;
    let ours = all.into_iter().filter(|(manager, _)| manager.as_deref() == Some(installation.as_str()));
    Ok(ours.map(|(_, entity)| entity).collect())
}

impl Mode {
    /// The declared state of one entity. Ids are fleet-wide: the environment is checked before anything is used. A
    /// config that is not told is none that is empty.
    pub(crate) async fn declared(&self, environment: &Environment, entity: &Entity) -> Result<Declared> {
        let variables = reactor_gateway_entity::Variables { id: entity.id.to_string() };
        let request = Request::of::<ReactorGatewayEntity>(variables)?.about(about(&environment.name, &entity.name));
        let answer = self.send(&request).await?;
        let found: wire::Entity = answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
        belongs(&found, environment, &answer)?;
        let declared = answer.listed(found.declared_state, "/apollo/entityById/declaredState")?;
        let config = answer.whole(declared.config, "/apollo/entityById/declaredState/config")?;
        Ok(Declared { config, release_channel: declared.release_channel })
    }
}

/// What an entity is set to.
pub(crate) struct Declared {
    /// The config texts.
    pub(crate) config: Vec<SecretString>,
    pub(crate) release_channel: Option<String>,
}
