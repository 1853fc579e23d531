//! TCP over WebSocket: the agent end, the relay end, and the two versions of the protocol between them.
//!
//! A [`Tunnel`](crate::Tunnels) listens on a loopback port; each connection to it becomes a stream of one WebSocket
//! to a relay, which authorises it and dials the app. `docs/tunnel-protocol.md` specifies the wire.

mod agent;
mod app_name;
mod authorize;
mod code;
mod connect;
mod counters;
mod driver;
pub mod frame;
mod http1;
mod keepalive;
mod mux;
mod negotiate;
mod outbox;
mod percent;
mod proxy;
mod ready;
mod relay;
mod stream;
mod tls;
mod watch;
mod websocket;
mod window;

pub(crate) use agent::start;
pub use agent::{ShutdownReport, Tunnel, TunnelEvent, TunnelState};
pub use app_name::AppName;
pub use authorize::{Authorizer, Caller};
pub use code::{Refusal, TunnelCode};
pub(crate) use connect::allows_url_key;
pub use counters::Traffic;
pub use driver::ConnectionEnd;
pub use frame::Version;
pub use negotiate::Protocol;
pub use relay::{Accepted, ConnectionReport, DrainReport, Relay, RelayBuilder, RelayEvent, RelayServer, ServerTls};
pub use stream::{Ending, Party, StreamReport};
