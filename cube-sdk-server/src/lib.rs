//! Embeddable server side of cube-sdk: the EdgeGate BYO service and cube-cloud as axum routers.
//!
//! [`cloud::CloudService`] is cube-cloud: browser login, API keys, profiles, the MCP endpoint with its tools, and the
//! tunnel endpoint. It serves the published agent unchanged.
//!
//! [`edgegate::EdgeGateService`] is the whole service in one owned handle: API keys, plans, grants,
//! artifacts by reference, runs, and the append-only audit, kept in an embedded SQLite database
//! ([`store::Store`]). A company mounts its [`router`](edgegate::EdgeGateService::router) or serves it with
//! [`listener::Listener`]. The feature `local` joins the service with doubles of the systems around it into
//! one world on loopback.

mod bearer;
pub mod cloud;
pub mod edgegate;
mod health;
pub mod listener;
#[cfg(feature = "local")]
pub mod local;
pub mod metrics;
mod random;
mod refusal;
mod request_id;
pub mod store;
