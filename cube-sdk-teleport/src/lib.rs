//! TCP tunnels over WebSocket, tbot identities and dialling apps through Teleport, part of cube-sdk

pub mod dial;
pub mod tunnel;
