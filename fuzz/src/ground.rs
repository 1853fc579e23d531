//! Of the ground under tunnels: the values of the WebSocket handshake.

#[path = "../../cube-sdk-teleport/src/ground/handshake.rs"]
pub(crate) mod handshake;
