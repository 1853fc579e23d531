//! Where a request comes from, and whom it was meant for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use cube_sdk_core::config::is_loopback;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use url::Url;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What counts as one place: an IPv4 address, or the /64 that one customer of a provider has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Place(IpAddr);

impl Place {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        })
    }
}

/// The address of the client: that of the connection, or, when that is a trusted proxy, the last one in
/// `X-Forwarded-For` that no trusted proxy has.
pub(crate) fn address(parts: &Parts, trusted: &[IpNet]) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    // Without a connection, as in an embedding program's own tests, everyone is one place.
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    forwarded(peer, &parts.headers, trusted)
}

fn forwarded(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut found = peer;
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    for entry in lines.iter().flat_map(|line| line.split(',')).rev() {
        if !is_trusted(found) {
            break;
        }
        // What cannot be read ends the chain: before it, anything may have been made up.
        let Ok(address) = entry.trim().parse::<IpAddr>() else { break };
        found = address.to_canonical();
    }
    found
}

/// Is the request's `Host` one of ours? Those of the service's URL, those that the settings name, and loopback names when
/// the connection itself is on loopback.
pub(crate) fn is_for_us(parts: &Parts, url: &Url, hosts: &[String]) -> bool {
    let mut named = parts.headers.get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => parts.uri.authority().map(|authority| authority.as_str()),
        (Some(_), Some(_)) => None,
    };
    let Some(Ok(authority)) = host.map(str::parse::<http::uri::Authority>) else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let port = authority.port_u16();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    if peer.is_none_or(|peer| peer.is_loopback()) && is_loopback(host.trim_matches(['[', ']'])) {
        return true;
    }
    let ours = url.host_str().is_some_and(|ours| ours.eq_ignore_ascii_case(host));
    // A port that is not named is the scheme's.
    let same_port = port.is_none_or(|port| url.port_or_known_default() == Some(port));
    ours && same_port || hosts.iter().any(|ours| ours.eq_ignore_ascii_case(authority.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        forwarded(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_forged_header_counts_for_nothing() {
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["10.0.0.1"], &["10.0.0.0/8"]), "203.0.113.9", "the peer is no proxy of ours");
        // A client behind our proxy made the first two up.
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.1.1.1", &["1.1.1.1, 10.9.9.9, 198.51.100.4"], &trusted), "198.51.100.4");
        assert_eq!(seen("10.1.1.1", &["1.1.1.1", "198.51.100.4, 10.2.2.2"], &trusted), "198.51.100.4");
        assert_eq!(seen("10.1.1.1", &["198.51.100.4, nonsense, 10.2.2.2"], &trusted), "10.2.2.2");
        assert_eq!(seen("10.1.1.1", &[], &trusted), "10.1.1.1");
    }

    #[test]
    fn a_provider_s_customer_is_one_place() {
        let place = |text: &str| Place::of(text.parse().unwrap());
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }

    fn ours(peer: &str, host: &[&str]) -> bool {
        let mut request = http::Request::get("/");
        for host in host {
            request = request.header(header::HOST, *host);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        is_for_us(&parts, &"https://cube.example.com".parse().unwrap(), &["internal:8443".to_owned()])
    }

    #[test]
    fn only_our_names_are_answered_to() {
        for (peer, host, fits) in [
            ("203.0.113.9", "cube.example.com", true),
            ("203.0.113.9", "CUBE.example.com:443", true),
            ("203.0.113.9", "internal:8443", true),
            ("127.0.0.1", "127.0.0.1:4711", true),
            ("::1", "[::1]:4711", true),
            ("127.0.0.1", "localhost", true),
            ("203.0.113.9", "localhost", false),
            ("203.0.113.9", "cube.example.com:80", false),
            ("203.0.113.9", "internal", false),
            ("203.0.113.9", "evil.example.com", false),
            ("127.0.0.1", "evil.example.com", false),
            ("203.0.113.9", "cube.example.com.evil.com", false),
            ("203.0.113.9", "evil@cube.example.com", false),
            ("203.0.113.9", "", false),
        ] {
            assert_eq!(ours(peer, &[host]), fits, "{host} from {peer}");
        }
        assert!(!ours("203.0.113.9", &["cube.example.com", "evil.example.com"]), "two are none");
        assert!(!ours("203.0.113.9", &[]));
    }
}
