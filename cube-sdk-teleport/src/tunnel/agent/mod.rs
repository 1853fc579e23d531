//! The agent end: a local listener whose connections become streams.

mod connect;
mod handle;
mod host;
mod supervise;

pub use handle::{ShutdownReport, Tunnel, TunnelEvent, TunnelState};
pub(crate) use supervise::start;
