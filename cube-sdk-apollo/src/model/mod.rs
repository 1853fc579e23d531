//! What Apollo tells, as data.

mod change_request;
mod channel;
mod entity;
mod entity_health;
mod environment;
mod health;
mod module;
mod plan;
mod product;
mod release;
mod secret;
mod task;

pub use change_request::{ChangeRequest, Reviewed};
pub(crate) use change_request::{Subject, names};
pub use channel::Channel;
pub(crate) use entity::belongs;
pub use entity::{DeployedEntity, Entity, ManagingModule, PlanStatusLabel, Reported};
pub(crate) use entity_health::config_of;
pub use entity_health::{EntityHealth, EntitySettings, ReportedOverrides};
pub use environment::{Agent, Environment, EnvironmentOverview};
pub use health::{ContainerHealth, HealthCheck, HealthReport, NodeHealth};
pub use module::{ModuleInstallation, ModuleVariable, UninstalledModule, VariableKind};
pub(crate) use module::{VariableInput, refuse_masked};
pub use plan::{ChangeKind, EntityWithPlans, Plan, PlanTimes, RecentChanges};
pub use product::{InstalledVersions, Product, ProductLabel};
pub use release::Release;
pub use secret::Secret;
pub(crate) use secret::{Holder, secrets_of};
pub use task::{Description, PlanTask, TaskEvent};
