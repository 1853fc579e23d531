//! Base URLs, and which hosts are this machine.

use std::net::{IpAddr, Ipv6Addr};

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// An absolute `http` or `https` URL with a host and without user info, to which paths can be added.
///
/// # Errors
/// `Config` with the reason. The text of the URL is shown without query and user info.
pub fn parse_base_url(text: &str) -> Result<Url> {
    let url = Url::parse(text.trim()).map_err(|cause| {
        Error::new(ErrorKind::Config, "not an absolute URL").advice("write it like https://host/path").cause(cause)
    })?;
    let refused = |why: &str| Err(Error::new(ErrorKind::Config, format!("{} {why}", crate::redact::SafeUrl(&url))));
    if !matches!(url.scheme(), "http" | "https") {
        return refused("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("carries credentials, which do not belong into a URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("has a query or fragment, which a base URL cannot have");
    }
    Ok(url)
}

/// Adds path segments to a base URL, each percent-encoded as one segment.
pub fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Is this host this machine: `localhost` and the names under it, 127.0.0.0/8, `::1`, also written as IPv4-mapped?
///
/// A host is written as in a URL, with or without the brackets of an IPv6 address and the last dot of a name.
pub fn is_loopback(host: &str) -> bool {
    if let Some(address) = address_of(host) {
        return address.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The address that a host is, if it is one; an IPv4-mapped one as the IPv4 address that is meant.
pub(crate) fn address_of(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok()?.into(),
        None => host.parse::<IpAddr>().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn segments_are_encoded() {
        let base = Url::parse("https://h/api/").unwrap();
        assert_eq!(join(&base, &["v1", "a b/c"]).as_str(), "https://h/api/v1/a%20b%2Fc");
    }

    #[test]
    fn loopback_is_told_from_its_look_alikes() {
        for host in [
            "localhost",
            "LocalHost",
            "localhost.",
            "a.localhost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            ".",
            "localhost.example",
            "notlocalhost",
            "127.0.0.1.example",
            "128.0.0.1",
            "0.0.0.0",
            "[::]",
            "::2",
            "[::ffff:10.0.0.1]",
            "[127.0.0.1]",
            "localhost..",
            "example.com",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
