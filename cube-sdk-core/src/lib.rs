//! The ground floor of cube-sdk: what every domain crate stands on.
//!
//! A call flows one way: request value → [`engine`] (deadline, retry, credentials) → [`transport`] →
//! classify → typed reply or [`Error`].

pub mod clock;
pub mod error;
pub mod operation;
pub mod redact;
pub mod retry;
pub mod secret;

pub use clock::{Clock, Timestamp};
pub use error::{Error, ErrorKind, Result};
pub use operation::{Idempotency, Operation};
pub use secret::SecretString;
