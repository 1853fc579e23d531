//! The EdgeGate service over HTTP, against the AWS double: statuses, shapes and order as published.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod access;
mod artifacts;
mod audit;
mod cancel;
mod connections;
mod every_await;
mod figures;
mod grant_table;
mod grants;
mod iam;
mod keys;
#[cfg(feature = "postgres")]
mod on_postgres;
mod pipelines;
mod readiness;
mod restart;
mod revocation;
mod runs;
mod shapes;
mod support;
