//! Health checks: the evidence behind an entity's health.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let report = apollo.health_checks("cube-7").of("mosquitto").await?;
//! println!("{:?}", report.health);
//! for check in report.failing() {
//!     println!("{:?} {:?}", check.name, check.text());
//! }
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Timestamp, open_enum};
use serde::Serialize;
use serde_json::Value;

use crate::client::Apollo;
use crate::drain::{SAFETY_PAGES, not_ending};
use crate::entities::reads::belongs;
use crate::entities::{EntityRef, HealthStatus};
use crate::graphql::{EntityHealthChecks, Request, entity_health_checks, wire};
use crate::read::Read;
use crate::resolve::{EnvironmentRef, Match};

open_enum! {
    /// The state of one check, as the app reports it.
    pub enum HealthState {
        /// Fully working.
        Healthy = "HEALTHY",
        /// Working, asks not to be disturbed now.
        Deferring = "DEFERRING",
        /// Deliberately not serving.
        Suspended = "SUSPENDED",
        /// Recovering by itself.
        Repairing = "REPAIRING",
        /// Working, needs attention before it degrades.
        Warning = "WARNING",
        /// Failing.
        Error = "ERROR",
        /// Failing, cannot recover.
        Terminal = "TERMINAL",
    }
}

/// What the nodes of an entity report. The messages are the app's own report, not a diagnosis.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Apollo's roll-up.
    pub health: Option<HealthStatus>,
    /// The nodes.
    pub nodes: Vec<NodeHealth>,
}

/// One node.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeHealth {
    /// Its id.
    pub id: Option<String>,
    /// When the report was made.
    pub updated_at: Option<Timestamp>,
    /// When the node was last heard of.
    pub heartbeat_at: Option<Timestamp>,
    /// Its containers.
    pub containers: Vec<ContainerHealth>,
}

/// One container.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContainerHealth {
    /// Its id.
    pub id: Option<String>,
    /// Liveness in the server's form, which is not published.
    pub liveness: Option<Value>,
    /// Readiness in the server's form, which is not published.
    pub readiness: Option<Value>,
    /// Its checks.
    pub checks: Vec<HealthCheck>,
}

/// One check. Of its parameters only the error message is kept: the rest can hold internal hosts and serials.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HealthCheck {
    /// Its name.
    pub name: Option<String>,
    /// Its type; `HEALTH_CHECK_ERRORED` when the check itself broke.
    pub kind: Option<String>,
    /// The app's words.
    pub message: Option<String>,
    /// Its state.
    pub state: Option<HealthState>,
    /// `params.errorMessage`.
    pub error_message: Option<String>,
}

impl HealthCheck {
    /// The words worth showing: for a check that broke itself its error message, else its message.
    pub fn text(&self) -> Option<&str> {
        let broke = self.kind.as_deref() == Some("HEALTH_CHECK_ERRORED");
        self.error_message.as_deref().filter(|_| broke).or(self.message.as_deref())
    }
}

impl HealthReport {
    /// The checks that are not healthy or deferring.
    pub fn failing(&self) -> impl Iterator<Item = &HealthCheck> {
        let checks = self.nodes.iter().flat_map(|node| &node.containers).flat_map(|container| &container.checks);
        checks.filter(|check| !matches!(check.state, Some(HealthState::Healthy | HealthState::Deferring)))
    }
}

/// Health checks on one environment. From [`Apollo::health_checks`].
#[derive(Clone, Debug)]
pub struct HealthChecks {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Health checks of an environment's entities.
    pub fn health_checks(&self, environment: impl Into<EnvironmentRef>) -> HealthChecks {
        HealthChecks { apollo: self.clone(), environment: environment.into() }
    }
}

impl HealthChecks {
    /// Everything that the nodes of an entity report. A report that could not be read whole is an error: it must not
    /// look like all clear.
    pub fn of(&self, entity: impl Into<EntityRef>) -> Read<HealthReport> {
        let (reference, entity) = (self.environment.clone(), entity.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            let entity = session.entity(&environment, &entity.0).await?;
            let target = format!("{}/{}", environment.name, entity.name);
            let mut report = HealthReport::default();
            let mut tokens: Vec<String> = Vec::new();
            loop {
                let variables = entity_health_checks::Variables {
                    id: entity.id.to_string(),
                    page_size: 50,
                    page_token: tokens.last().cloned(),
                };
                let answer = session.send(Request::of::<EntityHealthChecks>(variables)?.about(target.as_str())).await?;
                let found: wire::Entity =
                    answer.read("/apollo/entityById")?.ok_or_else(|| answer.not_found("entity"))?;
                belongs(&found, &environment)?;
                report.health = found.reported_status.and_then(|status| status.health_status);
                // An entity whose agent never reported has no page at all.
                let Some(page) = found.node_healths else { return Ok(report) };
                report.nodes.extend(page.node_healths.0.into_iter().map(NodeHealth::from_wire));
                match page.next_page_token.filter(|token| !token.is_empty()) {
                    None => return Ok(report),
                    Some(token) if tokens.contains(&token) || tokens.len() >= SAFETY_PAGES => {
                        return Err(Error::new(ErrorKind::Decode, "the health report does not end")
                            .with_target(target)
                            .with_fault(not_ending(&tokens, &token)));
                    }
                    Some(token) => tokens.push(token),
                }
            }
        })
    }
}

impl NodeHealth {
    fn from_wire(wire: wire::NodeHealth) -> Self {
        let containers = wire.container_health.0.into_iter().map(|container| ContainerHealth {
            id: container.container_id,
            liveness: container.liveness,
            readiness: container.readiness,
            checks: container.checks.0.into_iter().map(HealthCheck::from_wire).collect(),
        });
        Self {
            id: wire.node_id,
            updated_at: wire.updated_timestamp.0,
            heartbeat_at: wire.heartbeat_timestamp.0,
            containers: containers.collect(),
        }
    }
}

impl HealthCheck {
    fn from_wire(wire: wire::Check) -> Self {
        Self {
            name: wire.name,
            kind: wire.kind,
            message: wire.message,
            state: wire.state,
            error_message: wire.params.and_then(|params| params.error_message),
        }
    }
}
