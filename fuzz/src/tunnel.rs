//! Of tunnels: codec, WebSocket framing and the state machine, without the driver that moves bytes.

#[path = "../../cube-sdk-teleport/src/tunnel/codec/mod.rs"]
pub(crate) mod codec;
#[path = "../../cube-sdk-teleport/src/tunnel/mux/mod.rs"]
pub(crate) mod mux;
#[path = "../../cube-sdk-teleport/src/tunnel/negotiate.rs"]
pub(crate) mod negotiate;
#[path = "../../cube-sdk-teleport/src/tunnel/report.rs"]
pub(crate) mod report;
