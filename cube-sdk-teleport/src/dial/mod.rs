//! Reaching apps: the seam between a relay and what it dials.

mod dialer;
mod direct;

pub(crate) use dialer::{Channel, Duplex};
pub use dialer::{Dialer, Route, Upstream};
pub use direct::DirectDialer;
