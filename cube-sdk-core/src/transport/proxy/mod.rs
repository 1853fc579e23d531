//! HTTP proxies: which request goes through which, for everything that connects.

mod exceptions;
mod via;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use via::Via;

use crate::config::{ALL_PROXY, Environment, HTTP_PROXY, HTTPS_PROXY, Key, NO_PROXY, Origin, Sourced};
use crate::config::{address_of, is_loopback};
use crate::error::Result;
use exceptions::Exceptions;

/// Which HTTP proxies are used.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum ProxySetting {
    /// As the environment says: `HTTPS_PROXY` for `https` and `wss`, `HTTP_PROXY` for `http` and `ws`, `ALL_PROXY` where
    /// that is not set, except for the hosts of `NO_PROXY`. Names in lower case win over those in capitals, as in curl.
    /// This machine itself (`localhost`, 127.0.0.0/8, `::1`) is never reached through a proxy.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one (`http://[user:password@]host:port`, also `https://`), except for hosts that the list names.
    Fixed {
        /// The proxy. Its user info is shown nowhere.
        url: Url,
        /// Hosts to reach directly, written like `NO_PROXY`.
        no_proxy: String,
    },
}

/// Without the proxy's user info.
impl fmt::Debug for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Direct => f.write_str("Direct"),
            Self::Fixed { url, no_proxy } => f
                .debug_struct("Fixed")
                .field("url", &format_args!("{}", crate::redact::SafeUrl(url)))
                .field("no_proxy", no_proxy)
                .finish(),
        }
    }
}

/// The proxies in force, read once. Cheap to clone.
///
/// ```
/// use cube_sdk_core::config::Environment;
/// use cube_sdk_core::settings::{ProxySetting, Proxies};
///
/// let environment = Environment::from_pairs([("HTTPS_PROXY", "http://me:pw@proxy.example:3128"), ("NO_PROXY", "corp.example")]);
/// let proxies = Proxies::resolve(&ProxySetting::Environment, &environment)?;
/// let via = proxies.intercept(&"wss://relay.example/tunnel".parse().unwrap()).unwrap();
/// assert_eq!(via.to_string(), "http://proxy.example:3128");
/// assert!(proxies.intercept(&"https://api.corp.example/".parse().unwrap()).is_none());
/// assert!(proxies.intercept(&"http://relay.example/".parse().unwrap()).is_none());
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxies(Arc<Rules>);

struct Rules {
    http: Option<Via>,
    https: Option<Via>,
    /// As it was written.
    no_proxy: Sourced<String>,
    /// What goes through a proxy on ports that no exception names.
    matcher: Matcher,
    by_port: BTreeMap<u16, Matcher>,
    loopback_direct: bool,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.0.http)
            .field("https", &self.0.https)
            .field("no_proxy", &self.0.no_proxy.value)
            .finish()
    }
}

impl Proxies {
    /// No proxy for anything.
    pub fn direct() -> Self {
        Self::between(None, None, Sourced::default_of(String::new()), false)
    }

    /// Reads a setting.
    ///
    /// # Errors
    /// `Config`, naming the variable, for SOCKS, for another scheme than `http` and `https`, and for a value that cannot be
    /// read. Of the value nothing is shown but the scheme.
    pub fn resolve(setting: &ProxySetting, environment: &Environment) -> Result<Self> {
        match setting {
            ProxySetting::Direct => Ok(Self::direct()),
            ProxySetting::Fixed { url, no_proxy } => {
                let value = Sourced::code(SecretString::from(url.as_str()));
                let via = Via::read(&value)?;
                Ok(Self::between(
                    Some((via.clone(), &value)),
                    Some((via, &value)),
                    Sourced::code(no_proxy.clone()),
                    false,
                ))
            }
            ProxySetting::Environment => Self::from_environment(environment),
        }
    }

    fn from_environment(environment: &Environment) -> Result<Self> {
        // A client of a CGI program sets HTTP_PROXY with a header `Proxy`.
        let in_cgi = environment.lookup("REQUEST_METHOD")?.is_some();
        let all = either(environment, ALL_PROXY, "all_proxy", true)?;
        let http = either(environment, HTTP_PROXY, "http_proxy", !in_cgi)?.or_else(|| all.clone());
        let https = either(environment, HTTPS_PROXY, "https_proxy", true)?.or(all);
        let no_proxy = either(environment, NO_PROXY, "no_proxy", true)?.map_or_else(
            || Sourced::default_of(String::new()),
            |found| found.map(|text| text.expose_secret().to_owned()),
        );
        let read = |value: Option<&Sourced<SecretString>>| value.map(Via::read).transpose();
        let (http_via, https_via) = (read(http.as_ref())?, read(https.as_ref())?);
        Ok(Self::between(http_via.zip(http.as_ref()), https_via.zip(https.as_ref()), no_proxy, true))
    }

    fn between(
        http: Option<(Via, &Sourced<SecretString>)>,
        https: Option<(Via, &Sourced<SecretString>)>,
        no_proxy: Sourced<String>,
        loopback_direct: bool,
    ) -> Self {
        let exceptions = Exceptions::read(&no_proxy.value);
        let (http, http_text) = http.map_or_else(Default::default, |(via, text)| (Some(via), via::with_scheme(text)));
        let (https, https_text) =
            https.map_or_else(Default::default, |(via, text)| (Some(via), via::with_scheme(text)));
        let matcher = |no: &str| {
            let (http, https) = (http_text.expose_secret(), https_text.expose_secret());
            Matcher::builder().http(http).https(https).no(no).build()
        };
        let by_port = exceptions.by_port.iter().map(|(port, list)| (*port, matcher(list))).collect();
        let matcher = matcher(&exceptions.every_port);
        Self(Arc::new(Rules { http, https, no_proxy, matcher, by_port, loopback_direct }))
    }

    /// The proxy for a URL; none when it is reached directly. `ws` is taken for `http`, `wss` for `https`.
    pub fn intercept(&self, url: &Uri) -> Option<Via> {
        let rules = &self.0;
        let (scheme, via) = match url.scheme_str()? {
            "http" | "ws" => ("http", rules.http.as_ref()?),
            "https" | "wss" => ("https", rules.https.as_ref()?),
            _ => return None,
        };
        let host = url.host()?;
        if rules.loopback_direct && is_loopback(host) {
            return None;
        }
        let port = url.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        let matcher = rules.by_port.get(&port).unwrap_or(&rules.matcher);
        // One form for each host, as the exceptions have.
        let host = match address_of(host) {
            Some(std::net::IpAddr::V6(address)) => format!("[{address}]"),
            Some(address) => address.to_string(),
            None => host.strip_suffix('.').unwrap_or(host).to_owned(),
        };
        let asked = Uri::builder().scheme(scheme).authority(host).path_and_query("/").build().ok()?;
        matcher.intercept(&asked).map(|_| via.clone())
    }

    /// The proxy of a scheme (`http` or `https`), exceptions apart.
    pub(crate) fn of_scheme(&self, scheme: &str) -> Option<&Via> {
        match scheme {
            "http" => self.0.http.as_ref(),
            "https" => self.0.https.as_ref(),
            _ => None,
        }
    }

    /// The hosts that are reached directly, as they were written.
    pub fn no_proxy(&self) -> &Sourced<String> {
        &self.0.no_proxy
    }
}

/// The value of a variable in lower case, or else in capitals.
fn either(
    environment: &Environment,
    key: Key,
    lower: &'static str,
    capitals: bool,
) -> Result<Option<Sourced<SecretString>>> {
    for (name, read) in [(lower, true), (key.env, capitals)] {
        if read && let Some(value) = environment.lookup(name)? {
            return Ok(Some(Sourced { value, origin: Origin::Env(name) }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
