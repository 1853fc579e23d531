//! The ground floor of cube-sdk: what every domain crate stands on.
//!
//! A call flows one way: request value → [`engine`] (deadline, retry, credentials) → [`transport`] →
//! classify → typed reply or [`Error`].

pub mod clock;
pub mod config;
pub mod credentials;
pub mod engine;
pub mod error;
pub mod open_enum;
pub mod operation;
pub mod pager;
pub mod redact;
pub mod retry;
pub mod secret;
pub mod settings;
pub mod transport;
pub mod waiter;

pub use clock::{Clock, Timestamp};
pub use engine::Engine;
pub use error::{Error, ErrorKind, Result};
pub use operation::{Idempotency, Operation};
pub use secret::SecretString;
