//! Of dialling through a Teleport proxy: ping framing.

#[path = "../../cube-sdk-teleport/src/dial/ping/mod.rs"]
pub mod ping;
