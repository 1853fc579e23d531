//! EdgeGate's own allow-lists.

use serde::{Deserialize, Serialize};

use super::runs::{GateMetric, GateOperator, RunStatus};

/// What the server accepts and may answer. A list that it leaves out is empty.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Contracts {
    /// Metrics that a gate may name.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub valid_gate_metrics: Vec<GateMetric>,
    /// Operators that a gate may use.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub valid_gate_operators: Vec<GateOperator>,
    /// States that end a run.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub run_statuses_terminal: Vec<RunStatus>,
    /// States of a run that goes on.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub run_statuses_in_flight: Vec<RunStatus>,
}
