//! The way through a balancer that ends TLS: an HTTP upgrade, and TLS records inside WebSocket frames.
//!
//! `GET /webapi/connectionupgrade` with sub-protocol `alpn-ping` (Teleport RFD 123): the proxy then sends
//! WebSocket pings, which keep the balancer's idle timer quiet.

mod request;
mod websocket;

pub(crate) use request::upgrade;
pub(crate) use websocket::WebSocketIo;
