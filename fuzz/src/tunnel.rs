//! Of tunnels: codec, WebSocket framing and the state machine, without the driver that moves bytes.

#[path = "../../cube-sdk-teleport/src/tunnel/app_name.rs"]
mod app_name;
#[path = "../../cube-sdk-teleport/src/tunnel/code.rs"]
pub(crate) mod code;
#[path = "../../cube-sdk-teleport/src/tunnel/frame/mod.rs"]
pub mod frame;
#[path = "../../cube-sdk-teleport/src/tunnel/keepalive.rs"]
mod keepalive;
#[path = "../../cube-sdk-teleport/src/tunnel/mux/mod.rs"]
pub(crate) mod mux;
#[path = "../../cube-sdk-teleport/src/tunnel/negotiate.rs"]
pub(crate) mod negotiate;
#[path = "../../cube-sdk-teleport/src/tunnel/outbox/mod.rs"]
pub(crate) mod outbox;
#[path = "../../cube-sdk-teleport/src/tunnel/percent.rs"]
pub(crate) mod percent;
#[path = "../../cube-sdk-teleport/src/tunnel/stream.rs"]
pub(crate) mod stream;
#[path = "../../cube-sdk-teleport/src/tunnel/websocket/mod.rs"]
pub(crate) mod websocket;
#[path = "../../cube-sdk-teleport/src/tunnel/window.rs"]
pub(crate) mod window;

pub use app_name::AppName;
