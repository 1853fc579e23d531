//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk

pub mod app_fault;
pub mod apps;
pub mod dial;
mod http_get;
pub mod tbot;
pub mod tunnel;

pub use app_fault::{AppFault, AppFaultExt};
