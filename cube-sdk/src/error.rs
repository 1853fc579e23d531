//! Errors: one type for every call, and what each domain knows beyond it.
//!
//! [`Error::kind`] says what can be done; the extension traits, all in the [prelude](crate::prelude), read the typed
//! fault of the domain that failed, where there is one.
#![cfg_attr(all(feature = "byo", feature = "apollo", feature = "teleport"), doc = include_str!("../docs/error.md"))]

pub use cube_sdk_core::error::{Error, ErrorKind, Result, RetryReport, Sent, StopReason, WhichClock};
pub use cube_sdk_core::listing::Truncation;

#[cfg(feature = "cloud")]
#[doc(inline)]
pub use crate::auth::{LoginErrorExt, LoginFault};
#[cfg(feature = "cloud")]
#[doc(inline)]
pub use crate::cloud::{CloudErrorExt, ToolFault};
#[cfg(feature = "apollo")]
pub use cube_sdk_apollo::{ApolloErrorExt, ApolloFault};
#[cfg(feature = "byo")]
pub use cube_sdk_byo::rest::{Refusal, RefusalExt};
#[cfg(feature = "byo")]
pub use cube_sdk_byo::{ByoErrorExt, ByoFault};
#[cfg(feature = "teleport")]
pub use cube_sdk_teleport::{AppErrorExt, AppFault, TunnelErrorExt, TunnelFault};
