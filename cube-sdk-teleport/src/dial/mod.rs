//! Reaching apps: the seam between a relay and what it dials.

pub mod alpn;
pub mod app;
mod dialer;
mod direct;
pub mod ping;
mod tls;
mod upgrade;

pub use app::{AppConfig, AppDialer, AppKind, AppStream, DialConfig, Limits, ProxyAddr, Upgrade, Via};
pub(crate) use dialer::{Channel, Duplex};
pub use dialer::{Dialer, Route, Upstream};
pub use direct::DirectDialer;
