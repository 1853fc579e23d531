//! Health as an entity's nodes report it.

use cube_sdk_core::{Result, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::graphql::wire;
use crate::words::{HealthState, HealthStatus};

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

impl NodeHealth {
    /// A list that is null inside the report would read as all clear, so it is refused.
    pub(crate) fn from_wire(wire: wire::NodeHealth, answer: &Answer) -> Result<Self> {
        let containers = answer.whole(wire.container_health, "/nodeHealth/containerHealth")?;
        Ok(Self {
            id: wire.node_id,
            updated_at: wire.updated_timestamp.0,
            heartbeat_at: wire.heartbeat_timestamp.0,
            containers: containers
                .into_iter()
                .map(|container| ContainerHealth::from_wire(container, answer))
                .collect::<Result<_>>()?,
        })
    }
}

impl ContainerHealth {
    fn from_wire(wire: wire::ContainerHealth, answer: &Answer) -> Result<Self> {
        let checks = answer.whole(wire.checks, "/containerHealth/checks")?;
        Ok(Self {
            id: wire.container_id,
            liveness: wire.liveness,
            readiness: wire.readiness,
            checks: checks.into_iter().map(HealthCheck::from_wire).collect(),
        })
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
