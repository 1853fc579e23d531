#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cloud")]
pub mod apps;
#[cfg(feature = "cloud")]
pub mod auth;
#[cfg(feature = "cloud")]
pub mod cloud;
mod cube;
pub mod error;
#[cfg(doc)]
pub mod guides;
#[cfg(feature = "cloud")]
mod home;
#[cfg(feature = "cloud")]
mod keys;
#[cfg(feature = "kube")]
pub mod kube;
pub mod prelude;
#[cfg(feature = "cloud")]
mod whole_file;

pub use cube::{Cube, CubeBuilder};
pub use cube_sdk_core::{Clock, Error, ErrorKind, Idempotency, Operation, Result, SecretString, Timestamp};
pub use error::{RetryReport, Sent, StopReason, WhichClock};

/// What every domain stands on: engine, transport, credentials, retry, lists, caches, names, waiter.
pub use cube_sdk_core as core;

/// Palantir Apollo: typed GraphQL services.
#[cfg(feature = "apollo")]
pub use cube_sdk_apollo as apollo;

/// EdgeGate and bring-your-own storage: REST services, IAM documents, audit; with feature `s3` sessions,
/// probe and the streaming reader.
///
#[doc = include_str!("../docs/byo.md")]
#[cfg(feature = "byo")]
pub use cube_sdk_byo as byo;

/// Tunnels over WebSocket, tbot identities, dialling apps through a Teleport proxy.
#[cfg(feature = "teleport")]
pub use cube_sdk_teleport as teleport;
