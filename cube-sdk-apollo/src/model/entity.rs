//! What Apollo tells of an entity.

use cube_sdk_core::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::answer::Answer;
use crate::choice::Named;
use crate::graphql::wire;
use crate::ids::{EntityId, Rid};
use crate::model::Environment;
use crate::words::{ConfigStatus, HealthStatus, RolloutStatus};

/// An entity: one product installed on one environment. What a call did not ask for is absent.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Entity {
    /// The id; it is unique over the fleet.
    pub id: EntityId,
    /// The RID.
    pub rid: Option<Rid>,
    /// The display name, else the entity name, else the id.
    pub name: String,
    /// The name it was installed under.
    pub entity_name: Option<String>,
    /// `group:artifact`.
    pub product: Option<String>,
    /// The lifecycle in the server's word; the words are not published.
    pub lifecycle: Option<String>,
    /// What its agent last reported; none before the first report.
    pub reported: Option<Reported>,
    /// The channel that its version follows.
    pub release_channel: Option<String>,
    /// What its plans are about to do.
    pub plan_status: Option<PlanStatusLabel>,
    /// The module that manages it.
    pub managed_by: Option<ManagingModule>,
}

/// What an entity's agent reported.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reported {
    /// The running version.
    pub version: Option<String>,
    /// Distance from the target version.
    pub rollout: Option<RolloutStatus>,
    /// Whether the config is applied.
    pub config: Option<ConfigStatus>,
    /// Health.
    pub health: Option<HealthStatus>,
    /// What keeps it from being upgraded.
    pub blockers: Vec<String>,
}

/// The plan status of an entity: the name of a union member, most of which are not published.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanStatusLabel {
    /// The member's name without the prefix `ApolloEntityPlanStatus_`; `Unknown` when not told.
    pub label: String,
    /// Constraints that block it; only for `Blocked`.
    pub blocked_changes: Option<i64>,
}

/// The module that installed an entity.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ManagingModule {
    /// The installation.
    pub rid: Option<Rid>,
    /// Its display name.
    pub display_name: Option<String>,
    /// `group:artifact:version`.
    pub coordinate: Option<String>,
}

impl ManagingModule {
    /// The coordinate, else the RID, else words that say so; the display name in parentheses when it differs.
    pub fn label(&self) -> String {
        let rid = self.rid.as_ref().map(Rid::as_str);
        let main = self.coordinate.as_deref().or(rid).unwrap_or("an unknown module");
        match self.display_name.as_deref() {
            Some(name) if !name.is_empty() && name != main => format!("{main} ({name})"),
            _ => main.to_owned(),
        }
    }
}

impl Entity {
    pub(crate) fn from_wire(wire: wire::Entity, answer: &Answer) -> Result<Self> {
        let id = wire.id.filter(|id| !id.is_empty()).ok_or_else(|| answer.absent("/entity/id"))?;
        let entity_name = wire.entity_locator.and_then(|locator| locator.entity_name);
        let reported = wire.reported_status.map(|status| {
            // One that is missing would read as none.
            let blockers = answer.whole(Some(status.upgrade_blocker_types), "/entity/upgradeBlockerTypes")?;
            Ok::<_, Error>(Reported {
                version: status.version,
                rollout: status.rollout_status,
                config: status.config_status,
                health: status.health_status,
                blockers,
            })
        });
        let name = wire.display_name.filter(|name| !name.is_empty()).or_else(|| entity_name.clone());
        Ok(Self {
            name: name.unwrap_or_else(|| id.clone()),
            id: id.into(),
            rid: wire.rid.map(Rid::from),
            entity_name,
            product: wire.product.and_then(|product| product.product_id),
            lifecycle: wire.lifecycle_status,
            reported: reported.transpose()?,
            release_channel: wire.declared_state.and_then(|state| state.release_channel),
            plan_status: wire.plan_status.map(|status| PlanStatusLabel {
                label: plan_label(status.type_name.as_deref()),
                blocked_changes: status.blocked_changes_count,
            }),
            managed_by: wire.installed_by.map(|module| ManagingModule {
                rid: module.rid.map(Rid::from),
                display_name: module.display_name,
                coordinate: module.coordinate,
            }),
        })
    }

    /// Of which only the id is known.
    pub(crate) fn by_id(id: EntityId) -> Self {
        Self {
            name: id.to_string(),
            id,
            rid: None,
            entity_name: None,
            product: None,
            lifecycle: None,
            reported: None,
            release_channel: None,
            plan_status: None,
            managed_by: None,
        }
    }

    /// The version that its agent reported.
    pub fn version(&self) -> Option<&str> {
        self.reported.as_ref()?.version.as_deref()
    }
}

fn plan_label(type_name: Option<&str>) -> String {
    let name = type_name.unwrap_or("Unknown");
    name.strip_prefix("ApolloEntityPlanStatus_").unwrap_or(name).to_owned()
}

impl Named for Entity {
    fn ids(&self) -> Vec<&str> {
        self.rid.iter().map(Rid::as_str).chain([self.id.as_str()]).collect()
    }

    fn names(&self) -> Vec<&str> {
        [Some(self.name.as_str()), self.entity_name.as_deref()].into_iter().flatten().collect()
    }
}

/// An entity in a list that tells no id.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
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
    pub(crate) fn from_wire(wire: wire::Entity) -> Self {
        Self {
            name: wire.display_name.or_else(|| wire.entity_locator?.entity_name),
            product: wire.product.and_then(|product| product.product_id),
            lifecycle: wire.lifecycle_status,
        }
    }
}

/// Refuses an entity of another environment, and one of which the reply does not tell where it is.
pub(crate) fn belongs(found: &wire::Entity, environment: &Environment, answer: &Answer) -> Result<()> {
    let home = found.environment.as_ref().and_then(|environment| environment.id.as_deref());
    if answer.need(home, "/apollo/entityById/environment/id")? == environment.id.as_str() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotFound, "the entity belongs to another environment")
        .with_target(environment.name.clone()))
}
