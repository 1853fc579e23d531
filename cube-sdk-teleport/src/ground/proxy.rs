//! HTTP CONNECT proxies on the way to the relay.

use std::net::IpAddr;

use base64::Engine as _;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::{HeaderValue, Request, header};
use url::Url;

use super::{Duplex, http1};

/// What an HTTP proxy is used for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ProxySetting {
    /// As the environment says: `HTTPS_PROXY` for `wss`, `ALL_PROXY`, and `NO_PROXY`; lower-case names too. `ws` uses
    /// `http_proxy` in lower case only, as curl does.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one (`http://[user:password@]host:port`), except for hosts that the list names, written like `NO_PROXY`.
    Fixed {
        /// The proxy. Shown nowhere, because it may hold a password.
        url: Url,
        /// Hosts to reach directly.
        no_proxy: String,
    },
}

/// A proxy to go through.
pub(crate) struct Proxy {
    url: Url,
}

/// Reads a variable of the environment; a seam for tests.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Proxy {
    /// The proxy for a URL, if any.
    ///
    /// # Errors
    /// `Config` when the setting is no `http://host:port`.
    pub(crate) fn for_url(setting: &ProxySetting, target: &Url) -> Result<Option<Self>> {
        Self::choose(setting, target, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn choose(setting: &ProxySetting, target: &Url, env: Lookup<'_>) -> Result<Option<Self>> {
        let secure = matches!(target.scheme(), "https" | "wss");
        let host = target.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let either = |lower: &str| env(lower).or_else(|| env(&lower.to_ascii_uppercase()));
        let (url, no_proxy) = match setting {
            ProxySetting::Direct => return Ok(None),
            ProxySetting::Fixed { url, no_proxy } => (url.clone(), no_proxy.clone()),
            ProxySetting::Environment => {
                // HTTP_PROXY in capitals can be set by a request header in CGI programs, hence curl's rule.
                let own = if secure { either("https_proxy") } else { env("http_proxy") };
                let Some(text) = own.or_else(|| either("all_proxy")) else { return Ok(None) };
                let text = if text.contains("://") { text } else { format!("http://{text}") };
                let url = text.parse().map_err(|_| bad_proxy())?;
                (url, either("no_proxy").unwrap_or_default())
            }
        };
        // Loopback is never behind a proxy.
        if super::is_loopback(host) && matches!(setting, ProxySetting::Environment) {
            return Ok(None);
        }
        if excludes(&no_proxy, host, target.port_or_known_default().unwrap_or_default()) {
            return Ok(None);
        }
        if url.scheme() != "http" || url.host_str().is_none() {
            return Err(bad_proxy());
        }
        Ok(Some(Self { url }))
    }

    /// `host:port` to connect to.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.url.port().unwrap_or(80))
    }

    /// Asks the proxy for a way to the host of a URL.
    pub(crate) async fn open(&self, io: impl Duplex + 'static, target: &Url) -> Result<Box<dyn Duplex>> {
        let broke = |cause: hyper::Error| {
            Error::new(ErrorKind::Connect, format!("the proxy {} broke off", self.address())).cause(cause)
        };
        let port = target.port_or_known_default().unwrap_or_default();
        let authority = format!("{}:{port}", target.host_str().unwrap_or_default());
        let mut request = Request::connect(&authority).header(header::HOST, &authority);
        if let Some(value) = self.authorization() {
            request = request.header(header::PROXY_AUTHORIZATION, value);
        }
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).map_err(|cause| {
            Error::new(ErrorKind::Config, "the relay's host cannot stand in a proxy request").cause(cause)
        })?;
        let answer = http1::call(Box::new(io), request).await.map_err(broke)?;
        let status = answer.status();
        if !status.is_success() {
            let error = Error::new(ErrorKind::Connect, format!("the proxy {} answered {status}", self.address()));
            return Err(match status.as_u16() {
                407 => error.advice("give the proxy's user and password in its URL"),
                _ => error.advice("check that the proxy may reach the relay, or name its host in NO_PROXY"),
            });
        }
        let (io, read_ahead) = answer.upgrade().await.map_err(broke)?;
        if !read_ahead.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, "bytes came from the proxy before any were sent"));
        }
        Ok(io)
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = decoded(self.url.username());
        let password = decoded(self.url.password().unwrap_or_default());
        if user.is_empty() && password.is_empty() {
            return None;
        }
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// It names no value: the URL may hold a password.
fn bad_proxy() -> Error {
    Error::new(ErrorKind::Config, "the proxy's URL is not of the form http://host:port")
        .advice("check HTTPS_PROXY, http_proxy and ALL_PROXY")
}

/// Does a `NO_PROXY` list name this host? Entries are `*`, a host, a domain with or without a leading dot, an
/// address or a network; each may end in `:port`.
fn excludes(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if entry.parse::<IpAddr>().is_err() => match digits.parse::<u16>() {
                Ok(wanted) => (name, Some(wanted)),
                Err(_) => (entry, None),
            },
            _ => (entry, None),
        };
        if wanted.is_some_and(|wanted| wanted != port) {
            return false;
        }
        let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
        if let Some(address) = address {
            return in_network(&name, address);
        }
        let name = name.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
        host == name || host.strip_suffix(name).is_some_and(|front| front.ends_with('.'))
    })
}

fn in_network(entry: &str, address: IpAddr) -> bool {
    let (base, bits) = match entry.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (entry, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else { return false };
    let (base, address, width) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (u128::from(base.to_bits()), u128::from(address.to_bits()), 32),
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let shift = width - bits.min(width);
    base.checked_shr(shift) == address.checked_shr(shift)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        for (list, host, port, expected) in [
            ("*", "a.b", 443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "api.example.com", 443, true),
            (".example.com", "api.example.com", 443, true),
            ("*.example.com", "api.example.com", 443, true),
            ("example.com", "badexample.com", 443, false),
            ("a, EXAMPLE.com:8443", "example.com", 443, false),
            ("a, EXAMPLE.com:8443", "example.com", 8443, true),
            ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false),
            ("10.1.2.3", "10.1.2.3", 80, true),
            ("fd00::/8", "fd12::1", 80, true),
            ("::1", "::1", 80, true),
            ("", "a", 80, false),
        ] {
            assert_eq!(excludes(list, host, port), expected, "{list} {host}:{port}");
        }
    }

    #[test]
    fn the_environment_chooses_by_scheme() {
        let env = |name: &str| match name {
            "HTTPS_PROXY" => Some("user:p%40w@proxy:3128".to_owned()),
            "HTTP_PROXY" => Some("http://never:1".to_owned()),
            "no_proxy" => Some("internal".to_owned()),
            _ => None,
        };
        let address = |url: &str| {
            Proxy::choose(&ProxySetting::Environment, &url.parse().unwrap(), &env).unwrap().map(|proxy| proxy.address())
        };
        assert_eq!(address("wss://relay.example"), Some("proxy:3128".to_owned()));
        assert_eq!(address("ws://relay.example"), None, "HTTP_PROXY in capitals is not read");
        assert_eq!(address("wss://relay.internal"), None);
        assert_eq!(address("wss://127.0.0.1"), None);
        let proxy = Proxy::choose(&ProxySetting::Environment, &"wss://x".parse().unwrap(), &env).unwrap().unwrap();
        assert_eq!(proxy.authorization().unwrap(), "Basic dXNlcjpwQHc=");
    }
}
