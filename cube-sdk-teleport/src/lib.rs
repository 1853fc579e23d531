//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk

mod client;
mod config;
pub mod dial;
mod fault;
pub mod tunnel;

pub use client::{OpenTunnel, Tunnels, TunnelsBuilder};
pub use config::{KeyFile, KeySource, ProxySetting};
pub use fault::{TunnelErrorExt, TunnelFault};
