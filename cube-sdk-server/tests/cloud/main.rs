//! cube-cloud over HTTP, as the published agent and a browser use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod admin;
mod agent;
mod every_tool;
mod hosts;
#[cfg(unix)]
mod images;
mod login;
mod login_page;
mod mcp_clients;
mod metrics;
#[cfg(feature = "oidc")]
mod oidc;
#[cfg(feature = "oidc")]
mod provider;
mod published;
#[cfg(feature = "oidc")]
mod real_provider;
mod support;
mod tools;
mod tunnel;
