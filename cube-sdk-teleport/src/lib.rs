//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk

pub mod app_fault;
pub mod apps;
mod client;
pub mod config;
pub mod dial;
mod fault;
mod http_get;
pub mod tbot;
pub mod tunnel;

pub use app_fault::{AppErrorExt, AppFault};
pub use client::{OpenTunnel, Tunnels, TunnelsBuilder};
pub use config::{KeyFile, KeySource, ProxySetting};
pub use fault::{TunnelErrorExt, TunnelFault};
