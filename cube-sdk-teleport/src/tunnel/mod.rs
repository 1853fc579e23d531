//! TCP over WebSocket: the agent end, the relay end, and the two versions of the protocol between them.
//!
//! A [`Tunnel`](crate::Tunnels) listens on a loopback port; each connection to it becomes a stream of one WebSocket
//! to a relay, which authorises it and dials the app. The page at the end specifies the wire.
//!
#![doc = include_str!("../../docs/tunnel-protocol.md")]

mod agent;
pub(crate) mod client;
mod codec;
pub mod config;
mod counters;
mod driver;
mod events;
pub(crate) mod fault;
mod mux;
mod negotiate;
mod pipe;
mod registry;
mod relay;
mod report;

pub use crate::app_name::AppName;
pub use crate::ground::OverTcp;
pub use crate::refusal::{Refusal, TunnelCode};
pub use crate::seam::{Authorizer, Caller, authorizer_fn};
pub use agent::{ShutdownReport, Tunnel, TunnelEvent, TunnelState};
pub use codec::frame::{self, Version};
pub use counters::Traffic;
pub use driver::ConnectionEnd;
pub use negotiate::Protocol;
pub use pipe::TunnelStream;
pub use relay::{Accepted, ConnectionReport, DrainReport, Relay, RelayBuilder, RelayEvent, RelayServer, ServerTls};
pub use report::{Ending, Party, StreamReport};
