//! Fuzz targets of cube-sdk. See `README.md`.
//!
//! The modules under test are the SDK's own source files, included by path: only those without I/O and TLS, so that
//! a target builds in seconds. What they import resolves here, because this crate also answers to the names
//! `cube_sdk_core`, `rustls` and `aws_lc_rs`.

#![forbid(unsafe_code)]
// The included files hold more than the targets reach.
#![allow(dead_code)]

extern crate self as aws_lc_rs;
extern crate self as cube_sdk_core;
extern crate self as rustls;

pub use crypto::{digest, rand};
pub use rustls_pki_types as pki_types;

pub use clock::{Clock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use operation::{Idempotency, Operation};
pub use secret::SecretString;

mod crypto;
pub mod engine;
pub mod targets;

// cube-sdk-core
#[path = "../../cube-sdk-core/src/clock.rs"]
pub mod clock;
#[path = "../../cube-sdk-core/src/error/mod.rs"]
pub mod error;
#[path = "../../cube-sdk-core/src/names/mod.rs"]
pub mod names;
#[path = "../../cube-sdk-core/src/one_line.rs"]
mod one_line;
#[path = "../../cube-sdk-core/src/operation.rs"]
pub mod operation;
#[path = "../../cube-sdk-core/src/redact/mod.rs"]
pub mod redact;
#[path = "../../cube-sdk-core/src/saturating.rs"]
mod saturating;
#[path = "../../cube-sdk-core/src/secret.rs"]
pub mod secret;

// cube-sdk-byo
#[path = "../../cube-sdk-byo/src/arn/mod.rs"]
mod arn;
#[path = "../../cube-sdk-byo/src/code.rs"]
mod code;
mod denial;
#[path = "../../cube-sdk-byo/src/external_id.rs"]
mod external_id;
#[path = "../../cube-sdk-byo/src/fault.rs"]
mod fault;
#[path = "../../cube-sdk-byo/src/region.rs"]
mod region;
mod rest;
#[path = "../../cube-sdk-byo/src/s3_uri/mod.rs"]
mod s3_uri;
#[path = "../../cube-sdk-byo/src/digest.rs"]
mod sha256;
#[path = "../../cube-sdk-byo/src/audit/cloudtrail/log.rs"]
mod trail;

// cube-sdk-teleport
#[path = "../../cube-sdk-teleport/src/app_name.rs"]
mod app_name;
mod dial;
mod ground;
#[path = "../../cube-sdk-teleport/src/refusal.rs"]
mod refusal;
mod tbot;
mod tunnel;

// cube-sdk-apollo
#[allow(unused_imports, reason = "the room serves services that are not built here")]
#[path = "../../cube-sdk-apollo/src/entity_config/mod.rs"]
mod entity_config;
mod publish;
