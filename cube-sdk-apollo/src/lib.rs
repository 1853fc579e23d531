//! Typed client for Palantir Apollo, part of cube-sdk.
//!
//! [`Apollo`] is the client; each room is a service on it: [`environments`], [`entities`], [`plans`], [`modules`],
//! [`secrets`], [`products`], [`releases`], [`channels`], [`change_requests`], [`agents`], [`health_checks`],
//! [`labels`], [`manifests`], and [`replicate`], which copies an environment. Names or RIDs are taken everywhere.
//!
//! Operations, tokens, paging and masking are those of the published agent; inputs whose fields are not
//! published follow docs/apollo-inputs.md and can be adjusted with `patch_input`.

pub mod agents;
pub mod change_requests;
pub mod channels;
mod client;
pub mod config;
mod drain;
pub mod entities;
pub mod entity_config;
pub mod environments;
mod fault;
mod graphql;
pub mod health_checks;
mod ids;
pub mod labels;
pub mod manifests;
pub mod modules;
pub mod plans;
pub mod products;
mod read;
pub mod releases;
pub mod replicate;
mod resolve;
pub mod secrets;
mod write;

pub use client::{Apollo, ApolloBuilder};
pub use drain::{Listing, SAFETY_PAGES, Truncation};
pub use fault::{ApolloErrorExt, ApolloFault, GraphQlError};
pub use ids::{AgentId, EntityId, EnvironmentId, MavenCoordinate, ProductId, Rid};
pub use read::{Partial, Read};
pub use resolve::EnvironmentRef;
pub use write::Write;
