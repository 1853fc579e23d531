//! Entities: products installed on an environment.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use cube_sdk_apollo::entities::ConfigUpdate;
//! use serde_json::json;
//!
//! let entities = apollo.entities("cube-7");
//! for entity in entities.list().collect_up_to(1_000).await? {
//!     println!("{} {:?}", entity.name, entity.version());
//! }
//! let broker = entities.get("mosquitto").await?;
//! let report = entities.health().collect_up_to(1_000).await?;
//! assert!(report.iter().any(|entry| entry.entity.id == broker.id));
//! assert!(entities.deployed("com.example:teleport-agent").await?.is_none());
//! assert_eq!(entities.managed_by("ri.module.1").await?.len(), 0);
//! for managed in &report {
//!     managed.entity.managed_by.as_ref().map(|module| module.label());
//! }
//!
//! let config = entities.config(&broker).await?; // one entity's config, by id
//! assert_eq!(config.blocks()[0].version(), "1.10");
//! let settings = entities.settings("mosquitto").await?;
//! assert_eq!(settings.config, config);
//! let change = entities
//!     .update_config(&broker, json!({"persistence": true}))
//!     .version("1.10")
//!     .override_module()
//!     .patch_input(|input| assert!(input["content"].is_string()))
//!     .await?;
//! assert!(matches!(change, ConfigUpdate::Opened(_)));
//! if let Some(change) = change.opened() {
//!     apollo.change_requests().cancel(change.rid()).await?;
//! }
//!
//! let change = entities
//!     .install("bridge", &"com.example:bridge".parse()?)
//!     .namespace("mqtt")
//!     .release_channel("DEV")
//!     .config(json!({"peer": "north"}))
//!     .version("0.0.0")
//!     .override_module()
//!     .patch_input(|input| assert_eq!(input["entities"][0]["k8sNamespace"], "mqtt"))
//!     .await?;
//! println!("waiting for approval of {}", change.rid());
//! entities.enforce("mosquitto").await?;
//! entities.uninstall("mosquitto").await?;
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

pub(crate) mod config_update;
mod entity;
mod install;
pub(crate) mod reads;

pub use config_update::{ConfigUpdate, UpdateConfig};
pub use entity::{ConfigStatus, Entity, HealthStatus, ManagingModule, PlanStatusLabel, Reported, RolloutStatus};
pub use install::InstallEntity;
pub use reads::{DeployedEntity, EntityHealth, EntitySettings, ReportedOverrides};

use crate::change_requests::ChangeRequest;
use crate::client::Apollo;
use crate::graphql::{EnforceEntityConfig, Request, UninstallEntity, enforce_entity_config, uninstall_entity};
use crate::ids::{EntityId, Rid};
use crate::read::Session;
use crate::resolve::{EnvironmentRef, Match};
use crate::write::Write;

/// An entity by name, id or RID.
#[derive(Clone, Debug)]
pub struct EntityRef(pub(crate) String);

impl From<&str> for EntityRef {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for EntityRef {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&EntityId> for EntityRef {
    fn from(id: &EntityId) -> Self {
        Self(id.to_string())
    }
}

impl From<&Rid> for EntityRef {
    fn from(rid: &Rid) -> Self {
        Self(rid.to_string())
    }
}

impl From<&Entity> for EntityRef {
    fn from(entity: &Entity) -> Self {
        Self(entity.rid.as_ref().map_or_else(|| entity.id.to_string(), Rid::to_string))
    }
}

/// Entities of one environment. From [`Apollo::entities`].
#[derive(Clone, Debug)]
pub struct Entities {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Entities of an environment.
    pub fn entities(&self, environment: impl Into<EnvironmentRef>) -> Entities {
        Entities { apollo: self.clone(), environment: environment.into() }
    }
}

impl Entities {
    /// Opens the change request that removes an entity.
    pub fn uninstall(&self, entity: impl Into<EntityRef>) -> Write<ChangeRequest> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Write::new(|_| async move {
            let session = Session::strict(apollo.clone());
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let variables = uninstall_entity::Variables {
                namespace_id: environment.need(environment.namespace_id.as_deref(), "namespace")?.to_owned(),
                entity_id: entity.id.to_string(),
            };
            let request = Request::of::<UninstallEntity>(variables)?.about(about(&environment.name, &entity.name));
            let answer = session.send(request).await?;
            ChangeRequest::opened(&apollo, &answer, "/apollo/uninstallEntityV2", &environment, Some(&entity.name))
        })
    }

    /// Opens the change request that makes Apollo apply the entity's current config again.
    pub fn enforce(&self, entity: impl Into<EntityRef>) -> Write<ChangeRequest> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Write::new(|_| async move {
            let session = Session::strict(apollo.clone());
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let rid = environment.need(entity.rid.as_ref(), "RID of the entity")?.to_string();
            let request = Request::of::<EnforceEntityConfig>(enforce_entity_config::Variables { rid })?
                .about(about(&environment.name, &entity.name));
            let answer = session.send(request).await?;
            ChangeRequest::opened(&apollo, &answer, "/apollo/enforceEntityConfig", &environment, Some(&entity.name))
        })
    }
}

fn about(environment: &str, entity: &str) -> String {
    format!("{environment}/{entity}")
}
