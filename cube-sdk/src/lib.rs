#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cube;
pub mod prelude;

pub use cube::{Cube, CubeBuilder};
pub use cube_sdk_core::error::{RetryReport, Sent, StopReason};
pub use cube_sdk_core::{Clock, Error, ErrorKind, Idempotency, Operation, Result, SecretString, Timestamp};

/// What every domain stands on: engine, transport, credentials, retry, pager, waiter.
pub use cube_sdk_core as core;

/// EdgeGate and bring-your-own storage: REST services, IAM documents, audit; with feature `s3` sessions,
/// probe and the streaming reader.
#[cfg(feature = "edgegate")]
pub use cube_sdk_byo as byo;
