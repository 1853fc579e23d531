//! What stands under tunnels and dials alike: byte streams, HTTP/1 heads, handshakes, TLS, proxies, connections.

pub(crate) mod connect;
mod duplex;
pub(crate) mod handshake;
pub(crate) mod http1;
mod proxy;
pub(crate) mod reach;
pub(crate) mod tls;

pub(crate) use duplex::Duplex;
pub use duplex::OverTcp;
