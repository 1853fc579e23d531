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
//! let reported = settings.reported.expect("its agent reported");
//! assert_eq!(reported.type_name(), "ApolloEntityReportedConfigOverrides_Default");
//! assert_ne!(reported.shown(), *reported.expose()); // the password is masked
//! let health = broker.reported.as_ref().and_then(|reported| reported.health.as_ref());
//! assert!(health.is_none_or(|health| health.is_known()));
//! let update = || entities.update_config(&broker, json!({"persistence": true})).version("1.10").override_module();
//! let change = update().rewrite().diff().await?; // what it would change, written anew; nothing is sent
//! println!("{change}");
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
//!     .install("bridge", "com.example:bridge")
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

mod config_update;
mod install;
mod reads;

pub use config_update::{ConfigUpdate, UpdateConfig};
pub(crate) use config_update::{config_request, write_config};
pub use install::InstallEntity;
pub(crate) use reads::{Declared, managed_by};

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{EnforceEntityConfig, Request, UninstallEntity, enforce_entity_config, uninstall_entity};
use crate::mode::Mode;
use crate::model::ChangeRequest;
pub use crate::model::{
    DeployedEntity, Entity, EntityHealth, EntitySettings, ManagingModule, PlanStatusLabel, Reported, ReportedOverrides,
};
use crate::mutation::{Mutation, Prepared};
use crate::references::{EntityRef, EnvironmentRef};
pub use crate::words::{ConfigStatus, HealthStatus, RolloutStatus};

/// Entities of one environment. From [`Apollo::entities`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let entities = apollo.entities("cube-7");
/// let mut list = entities.list();
/// while let Some(entity) = list.try_next().await? {
///     println!("{} {:?}", entity.name, entity.version());
/// }
/// assert_eq!(entities.get("mosquitto").await?.version(), Some("1.10"));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    /// Opens the change request that removes an entity. Takes exact names, ids or RIDs only.
    pub fn uninstall(&self, entity: impl Into<EntityRef>) -> Mutation<ChangeRequest> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Mutation::new(|_| async move {
            let mode = Mode::strict(&apollo);
            let environment = mode.environment(&reference, Match::Exact).await?;
            let entity = mode.entity(&environment, &entity, Match::Exact).await?;
            let variables = uninstall_entity::Variables {
                namespace_id: environment.need(environment.namespace_id.as_deref(), "namespace")?.to_owned(),
                entity_id: entity.id.to_string(),
            };
            let request = Request::of::<UninstallEntity>(variables)?.about(about(&environment.name, &entity.name));
            Ok(Prepared::one(&apollo.clone(), request, move |answer| {
                ChangeRequest::opened(&apollo, answer, "/apollo/uninstallEntityV2", &environment, (&entity).into())
            }))
        })
    }

    /// Opens the change request that makes Apollo apply the entity's current config again. Takes exact names, ids or
    /// RIDs only.
    pub fn enforce(&self, entity: impl Into<EntityRef>) -> Mutation<ChangeRequest> {
        let (apollo, reference, entity) = (self.apollo.clone(), self.environment.clone(), entity.into());
        Mutation::new(|_| async move {
            let mode = Mode::strict(&apollo);
            let environment = mode.environment(&reference, Match::Exact).await?;
            let entity = mode.entity(&environment, &entity, Match::Exact).await?;
            let rid = environment.need(entity.rid.as_ref(), "RID of the entity")?.to_string();
            let request = Request::of::<EnforceEntityConfig>(enforce_entity_config::Variables { rid })?
                .about(about(&environment.name, &entity.name));
            Ok(Prepared::one(&apollo.clone(), request, move |answer| {
                ChangeRequest::opened(&apollo, answer, "/apollo/enforceEntityConfig", &environment, (&entity).into())
            }))
        })
    }
}

fn about(environment: &str, entity: &str) -> String {
    format!("{environment}/{entity}")
}
