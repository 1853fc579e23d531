//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod app_fault;
mod app_name;
pub mod apps;
pub mod dial;
mod ground;
mod refusal;
mod seam;
pub mod tbot;
pub mod tunnel;

pub use app_fault::{AppErrorExt, AppFault};
pub use app_name::AppName;
pub use async_trait::async_trait;
pub use cube_sdk_core::settings::ProxySetting;
pub use tunnel::client::{OpenTunnel, Tunnels, TunnelsBuilder};
pub use tunnel::config::{self, KeyFile, KeySource};
pub use tunnel::fault::{TunnelErrorExt, TunnelFault};
