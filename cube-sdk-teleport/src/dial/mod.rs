//! Reaching apps: what a relay dials them with.

pub mod alpn;
pub mod app;
pub mod config;
mod direct;
mod fault;
pub mod ping;
mod tls;
mod upgrade;

pub use crate::seam::{Dialer, Route, Upstream};
pub use app::{AppDialer, AppStream};
pub use config::{AppConfig, AppKind, DialConfig, Limits, ProxyAddr, Upgrade, Via};
pub use direct::DirectDialer;
