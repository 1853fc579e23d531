//! Typed client for Palantir Apollo, part of cube-sdk.
//!
//! [`Apollo`] is the client; each room is a service on it: [`environments`], [`entities`], [`plans`], [`modules`],
//! [`secrets`], [`products`], [`releases`], [`channels`], [`change_requests`], [`agents`], [`health_checks`],
//! [`labels`], [`manifests`], and [`replicate`], which copies an environment. Names or RIDs are taken everywhere.
//!
//! With feature `publish` the room of that name brings charts and images from a folder to a release.
//!
//! Operations, tokens, paging and masking are those of the published agent; inputs whose fields are not
//! published follow the page [`inputs`] and can be adjusted with `patch_input`.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod agents;
mod answer;
pub mod change_requests;
pub mod channels;
mod choice;
mod client;
pub mod config;
pub mod entities;
pub mod entity_config;
pub mod environments;
pub mod execute;
mod fault;
mod graphql;
pub mod health_checks;
mod ids;
/// What the inputs of mutations hold, and how to adjust them to a server that differs.
#[cfg(all(doc, not(doctest)))]
#[doc = include_str!("../docs/apollo-inputs.md")]
pub mod inputs {}
pub mod labels;
mod listing;
pub mod manifests;
mod mode;
mod model;
pub mod modules;
mod mutation;
pub mod plans;
pub mod products;
pub mod promotion;
#[cfg(feature = "publish")]
pub mod publish;
mod query;
mod references;
pub mod releases;
pub mod replicate;
mod resolve;
pub mod secrets;
pub mod wait_all;
mod words;

pub use client::{Apollo, ApolloBuilder};
pub use fault::{ApolloErrorExt, ApolloFault, GraphQlError};
pub use ids::{AgentId, EntityId, EnvironmentId, MavenCoordinate, ProductId, Rid};
pub use mutation::{DryRun, Mutation};
pub use query::{Partial, Query};
pub use references::{EntityRef, EnvironmentRef, ModuleRef};
