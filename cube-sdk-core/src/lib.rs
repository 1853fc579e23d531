//! The ground floor of cube-sdk: what every domain crate stands on.
//!
//! A call flows one way: request value → [`engine`] (deadline, retry, credentials) → [`transport`] →
//! classify → typed reply or [`Error`].
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod awaitable;
pub mod cached;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod engine;
pub mod error;
pub mod file_claim;
pub mod listing;
pub mod metrics;
pub mod names;
mod one_line;
pub mod open_enum;
pub mod operation;
pub mod private_file;
pub mod redact;
pub mod retry;
mod saturating;
pub mod secret;
pub mod settings;
pub mod transport;
pub mod waiter;
pub mod whole_file;

pub use clock::{Clock, Timestamp};
pub use engine::Engine;
pub use error::{Error, ErrorKind, Result, WhichClock};
pub use operation::{Idempotency, Operation};
pub use secret::SecretString;
