//! Of dialling through a Teleport proxy: ping framing.

#[path = "../../cube-sdk-teleport/src/dial/ping.rs"]
pub mod ping;
