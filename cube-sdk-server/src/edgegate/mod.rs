//! The EdgeGate BYO service: the server side of the same REST interface that the published client speaks.
//!
//! Requests are checked in one order: key (401), workspace (404), plan (402), role (403), body (422), state. A refusal is
//! `{"detail": "…"}`, always a string.

mod api_keys;
mod app;
mod artifacts;
mod audit;
mod call;
mod contracts;
mod counted;
mod customer;
mod executor;
mod gates;
mod grants;
pub mod limits;
mod news;
pub(crate) mod pipelines;
mod plans;
mod probes;
pub(crate) mod promptpacks;
mod readiness;
mod recording;
mod router;
mod runs;
mod service;
pub mod settings;
mod setup_info;
mod workspaces;

pub use executor::{Cell, CellExecutor, CellReport, InputSpec, Layer, Model, RunPolicy, StreamingExecutor};
pub use limits::WorkspaceLimits;
pub use service::{EdgeGateService, EdgeGateServiceBuilder};
pub use settings::OperatorSettings;
