//! Embeddable server side of cube-sdk: the EdgeGate BYO service as an axum router.
//!
//! [`edgegate::EdgeGateService`] is the whole service in one owned handle: API keys, plans, grants,
//! artifacts by reference, runs, and the append-only audit, kept in an embedded SQLite database
//! ([`store::Store`]). A company mounts its [`router`](edgegate::EdgeGateService::router) or serves it with
//! [`listener::Listener`]. The feature `local` joins the service with doubles of the systems around it into
//! one world on loopback.

pub mod edgegate;
pub mod listener;
#[cfg(feature = "local")]
pub mod local;
pub mod store;
