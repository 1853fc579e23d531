//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk

pub mod app_fault;
pub mod apps;
mod http_get;
pub mod tbot;

pub use app_fault::{AppFault, AppFaultExt};
