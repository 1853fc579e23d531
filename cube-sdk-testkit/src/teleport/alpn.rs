//! The protocol names of the proxy's one port.

pub(crate) const TCP: &str = "teleport-tcp";
pub(crate) const TCP_PING: &str = "teleport-tcp-ping";
pub(crate) const REVERSE_TUNNEL: &str = "teleport-reversetunnel";
pub(crate) const HTTP1: &str = "http/1.1";
pub(crate) const H2: &str = "h2";
/// SNI names of Kubernetes access begin so.
pub(crate) const KUBE_SNI: &str = "kube-teleport-proxy-alpn.";

/// The server's list, most wanted first.
pub(crate) fn offered(tcp: bool, ping: bool) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    if tcp && ping {
        list.push(TCP_PING);
    }
    if tcp {
        list.push(TCP);
    }
    list.extend([HTTP1, H2, REVERSE_TUNNEL]);
    list.into_iter().map(|name| name.as_bytes().to_vec()).collect()
}
