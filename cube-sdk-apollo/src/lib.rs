//! Typed client for Palantir Apollo, part of cube-sdk.
//!
//! [`Apollo`] is the client; each room is a service on it, and names or RIDs are taken everywhere.
//!
//! | to | room |
//! |---|---|
//! | make, list and delete environments; copy one whole | [`environments`], [`replicate`] |
//! | install products, change their configs, see their health | [`entities`], [`entity_config`], [`health_checks`] |
//! | follow what agents do | [`plans`], [`agents`], [`wait_all`] |
//! | approve, reject, wait for approval | [`change_requests`] |
//! | bundles of entities, and their secrets | [`modules`], [`secrets`] |
//! | products with their labels, releases | [`products`], [`labels`], [`releases`] |
//! | which environments may take a release | [`channels`], [`promotion`] |
//! | bring charts and images from a folder to a release | [`manifests`]; with feature `publish` the room [`publish`] |
//! | what has no method yet | [`execute`] |
//! | tell what Apollo refused | [`ApolloErrorExt`] |
//!
//! Through the facade `cube_sdk_apollo` is called `cube_sdk::apollo`.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let environment = world.environment();
//! use cube_sdk_apollo::Apollo;
//!
//! // `environment`: Environment::process() reads CUBE_APOLLO_CLIENT_ID and CUBE_APOLLO_CLIENT_SECRET.
//! let apollo = Apollo::from_environment(&environment)?;
//! let mut list = apollo.environments().list();
//! while let Some(environment) = list.try_next().await? {
//!     println!("{} {}", environment.name, environment.id);
//! }
//! let change = apollo.entities("cube-7").enforce("mosquitto").await?;
//! println!("{} waits for approval", change.rid());
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```
//!
//! Operations, tokens, paging and masking are those of the published agent; inputs whose fields are not
//! published follow the page `inputs` and can be adjusted with `patch_input`.
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
