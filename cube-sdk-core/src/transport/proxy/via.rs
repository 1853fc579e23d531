//! One proxy.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Origin, Sourced};
use crate::error::{Error, ErrorKind, Result};

/// A proxy to go through. Displayed as `scheme://host:port`.
#[derive(Clone)]
#[non_exhaustive]
pub struct Via {
    /// Where it listens: `http` or `https`, host and port, no user info.
    pub uri: Uri,
    /// `Proxy-Authorization`, marked sensitive, when the setting names a user.
    pub authorization: Option<HeaderValue>,
    /// Which setting names it.
    pub origin: Origin,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}", self.uri.scheme_str().unwrap_or("http"))
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({self}, {})", self.origin)
    }
}

impl Via {
    /// Is the way to the proxy itself TLS?
    pub fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// The host to connect to, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    pub(super) fn read(value: &Sourced<SecretString>) -> Result<Self> {
        let refused = |why: String| {
            let error = Error::new(ErrorKind::Config, why);
            match value.origin {
                Origin::Env(name) => error.with_target(name),
                _ => error.with_target(format!("proxy ({})", value.origin)),
            }
        };
        let form = "write it like http://host:3128, with user and password percent-encoded";
        let unreadable = || refused("the value is no URL of a proxy".to_owned()).advice(form);
        let whole = with_scheme(value);
        let text = whole.expose_secret();
        let (scheme, rest) = text.split_once("://").ok_or_else(unreadable)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {}
            scheme if is_scheme(scheme) => {
                let what = if scheme.starts_with("socks") { "SOCKS proxies are" } else { "such proxies are" };
                return Err(refused(format!("the scheme of the proxy is `{scheme}`, and {what} not supported"))
                    .advice("name an HTTP proxy, http://host:port, or unset the variable"));
            }
            _ => return Err(unreadable()),
        }
        // A password with a bare `@`, `/`, `?` or `#` would be read as part of the host, or the host as part of it.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if rest[authority.len()..].contains('@') || authority.matches('@').count() > 1 {
            return Err(unreadable());
        }
        let probe = Uri::from_static("http://host.invalid/");
        let found = Matcher::builder().all(text).build().intercept(&probe).ok_or_else(unreadable)?;
        let uri = found.uri().clone();
        let host_port = uri.authority().map_or("", |authority| authority.as_str());
        let after_host = host_port.strip_prefix(uri.host().unwrap_or_default()).unwrap_or_default();
        let port_is_one = matches!(after_host, "" | ":") || uri.port_u16().is_some_and(|port| port > 0);
        if uri.host().is_none_or(str::is_empty) || !port_is_one {
            return Err(unreadable());
        }
        Ok(Self { authorization: found.basic_auth().cloned(), uri, origin: value.origin.clone() })
    }
}

/// Without a scheme `http` is meant.
pub(super) fn with_scheme(value: &Sourced<SecretString>) -> SecretString {
    let text = value.value.expose_secret();
    if text.contains("://") { value.value.clone() } else { SecretString::from(format!("http://{text}")) }
}

fn is_scheme(text: &str) -> bool {
    text.len() <= 16
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}
