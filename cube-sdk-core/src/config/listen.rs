//! Where a program listens, as people write it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// Where to listen: `HOST:PORT`, with an IPv6 address in brackets. Port 0 means any free one.
///
/// ```
/// use cube_sdk_core::config::ListenAddress;
///
/// let address: ListenAddress = "[::1]:8080".parse()?;
/// assert_eq!((address.as_str(), address.port(), address.is_loopback()), ("[::1]:8080", 8080, true));
/// assert_eq!("localhost:0".parse::<ListenAddress>()?.socket_addr()?.to_string(), "127.0.0.1:0");
/// let refused = "127.0.0.1".parse::<ListenAddress>().unwrap_err();
/// assert!(refused.next_step().unwrap().contains("127.0.0.1:0"));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenAddress {
    text: String,
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Host {
    Ip(IpAddr),
    Name,
}

impl ListenAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The port; 0 means any free one.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Is it reached from this machine alone?
    pub fn is_loopback(&self) -> bool {
        match self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name => self.is_localhost(),
        }
    }

    /// The address as the system takes it; `localhost` is 127.0.0.1.
    ///
    /// # Errors
    /// `Config` for the name of another machine, which is not looked up.
    pub fn socket_addr(&self) -> Result<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Ok(SocketAddr::new(ip, self.port)),
            Host::Name if self.is_localhost() => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))),
            Host::Name => Err(refused(&self.text, "it holds a name", format!("0.0.0.0:{}", self.port))),
        }
    }

    fn is_localhost(&self) -> bool {
        self.text.rsplit_once(':').is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost"))
    }
}

impl FromStr for ListenAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(refused(text, "an IPv6 address stands in brackets, with a port behind", format!("[{text}]:0")));
        }
        if text.contains("://") {
            return Err(refused(text, "it is a URL", "127.0.0.1:0"));
        }
        if text.starts_with('[') && text.ends_with(']') {
            return Err(refused(text, "it has no port", format!("{text}:0")));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            // A number alone is a port without a host.
            let port = text.parse::<u16>().unwrap_or_default();
            return Err(refused(text, "it has no port", instead(text, port)));
        };
        let number = port.parse::<u16>().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(port) = number else {
            return Err(refused(text, "its port is none from 0 to 65535", instead(host, 0)));
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => {
                Host::Ip(inner.parse::<Ipv6Addr>().map_err(|_| refused(text, NO_HOST, format!("[::1]:{port}")))?.into())
            }
            None => match host.parse::<Ipv4Addr>() {
                Ok(ip) => Host::Ip(ip.into()),
                Err(_) if is_name(host) => Host::Name,
                Err(_) => return Err(refused(text, NO_HOST, format!("127.0.0.1:{port}"))),
            },
        };
        Ok(Self { text: text.to_owned(), host, port })
    }
}

const NO_HOST: &str = "its host is neither an address nor a name";

/// A name of a machine. One of digits and dots alone would be an address that is none.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.split('.').all(label) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// What could have been meant.
fn instead(host: &str, port: u16) -> String {
    let meant = format!("{host}:{port}");
    if meant.parse::<ListenAddress>().is_ok() { meant } else { format!("127.0.0.1:{port}") }
}

fn refused(text: &str, why: &str, instead: impl fmt::Display) -> Error {
    let words = format!("{text:?} is no address to listen at: {why}");
    Error::new(ErrorKind::Config, words).advice(format!("write it as HOST:PORT, such as {instead}"))
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_form_is_read_or_refused_with_one_that_is_good() {
        for good in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:80", "[::]:65535", "localhost:1", "db.example:5432", " a:1 "]
        {
            let read: ListenAddress = good.parse().unwrap();
            assert_eq!(read.as_str(), good.trim());
        }
        let bad = [
            "",
            " ",
            "8080",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "127.0.0.1:+1",
            "1.2.3:80",
            "1.2.3.4.5:80",
            "::1",
            "::1:8080x",
            "fe80::1:80",
            "[::1]",
            "[::1]:",
            "[::1:80",
            "[1.2.3.4]:80",
            "localhost",
            "a b",
            "a b:80",
            "-a:80",
            "a..b:80",
            "http://127.0.0.1:80",
            "tcp://x",
            "u@h:1",
            "h/p:1",
        ];
        for bad in bad {
            let error = bad.parse::<ListenAddress>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
            let step = error.next_step().unwrap().to_owned();
            let instead = step.rsplit(' ').next().unwrap();
            assert!(instead.parse::<ListenAddress>().is_ok(), "{bad}: {step}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (text, own) in [
            ("127.8.0.1:1", true),
            ("[::1]:1", true),
            ("LocalHost:1", true),
            ("0.0.0.0:1", false),
            ("a.example:1", false),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().is_loopback(), own, "{text}");
        }
        assert!("a.example:1".parse::<ListenAddress>().unwrap().socket_addr().is_err());
    }
}
