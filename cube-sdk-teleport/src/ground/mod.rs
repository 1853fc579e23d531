//! What stands under tunnels and dials alike: byte streams, HTTP/1 heads, handshakes, TLS, proxies, connections.

mod duplex;
pub(crate) mod handshake;
pub(crate) mod http1;
pub(crate) mod proxy;
pub(crate) mod tls;

pub(crate) use duplex::Duplex;

/// Is this host, written without brackets, this machine only?
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
