//! The seam between a relay and those who use it: who may come in, where to, and how that is reached.

mod authorizer;
mod dialer;

pub use authorizer::{Authorizer, Caller, authorizer_fn};
pub(crate) use dialer::{Channel, Explain};
pub use dialer::{Dialer, Route, Upstream};
