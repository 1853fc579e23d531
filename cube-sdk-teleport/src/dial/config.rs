//! Which app, which way, through which proxy, and how long each step may take.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cube_sdk_core::config::{Environment, Key, Origin};
use cube_sdk_core::retry::{Backoff, Retrier, RetryBudget, RetryPolicy};
use cube_sdk_core::settings::Settings;
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_core::{Error, ErrorKind, Result, settings_methods};

use crate::app_name::AppName;

/// The proxy's address.
pub const PROXY: Key = Key::open("CUBE_TELEPORT_PROXY", "Address of the Teleport proxy, `host` or `host:port` (443).");
/// The switch of the official clients for the connection upgrade.
pub const CONN_UPGRADE: Key = Key::open(
    "TELEPORT_TLS_ROUTING_CONN_UPGRADE",
    "Connection upgrade through balancers that end TLS: `true`, `false`, or a list of `addr=bool`; unset detects it.",
);

/// What an app speaks. It comes from configuration or a list: a guess would send a TCP flow to the
/// proxy's web server.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AppKind {
    /// Any protocol over TCP (`tcp://` in the app's URI).
    #[default]
    Tcp,
    /// HTTP/1.1; the bytes are passed on as they are.
    Http,
}

/// How an app is reached.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Via {
    /// Through the Teleport proxy, with the app's own tbot certificate.
    #[default]
    Teleport,
    /// Straight to `host:port`, without Teleport.
    Direct(String),
    /// Through a listener on a Unix socket, such as tbot's `application-tunnel`; refused on systems that have none.
    Unix(PathBuf),
}

/// One app that may be dialled.
///
/// ```
/// use cube_sdk_teleport::AppName;
/// use cube_sdk_teleport::dial::{AppConfig, AppKind, Via};
///
/// let db = AppConfig::new(AppName::new("db")?); // TCP, through Teleport
/// let site = AppConfig::new(AppName::new("site")?).kind(AppKind::Http);
/// let near = AppConfig::new(AppName::new("near")?).via(Via::Direct("10.0.0.7:5432".to_owned()));
/// assert_eq!((db.kind, db.via), (AppKind::Tcp, Via::Teleport));
/// # assert!(site.kind == AppKind::Http && near.via != Via::Teleport);
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct AppConfig {
    /// The name that callers ask for, and that Teleport knows.
    pub name: AppName,
    /// What it speaks.
    pub kind: AppKind,
    /// How it is reached.
    pub via: Via,
}

impl AppConfig {
    /// A TCP app through Teleport.
    pub fn new(name: AppName) -> Self {
        Self { name, kind: AppKind::Tcp, via: Via::Teleport }
    }

    /// Sets what it speaks.
    #[must_use]
    pub fn kind(mut self, kind: AppKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets how it is reached.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }
}

/// Whether connections are upgraded to pass a balancer that ends TLS before the proxy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Upgrade {
    /// Find out once per address, and again after a protocol was refused.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Upgrade {
    /// From the text that the official clients read: a boolean, or `addr=bool` items parted by `,` or
    /// `;`, of which the one for `proxy` counts. None when the text says nothing about it.
    pub fn from_override(text: &str, proxy: &ProxyAddr) -> Option<Self> {
        let text = text.trim();
        if let Some(choice) = boolean(text) {
            return Some(choice);
        }
        text.split([',', ';'])
            .filter_map(|item| item.split_once('='))
            .filter(|(addr, _)| addr.trim().parse::<ProxyAddr>().is_ok_and(|addr| addr == *proxy))
            .find_map(|(_, value)| boolean(value.trim()))
    }
}

fn boolean(text: &str) -> Option<Upgrade> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "yes" | "on" => Some(Upgrade::Always),
        "0" | "f" | "false" | "no" | "off" => Some(Upgrade::Never),
        _ => None,
    }
}

/// Host and port of a proxy.
///
/// ```
/// use cube_sdk_teleport::dial::ProxyAddr;
/// let addr: ProxyAddr = "example.teleport.sh".parse()?;
/// assert_eq!((addr.host(), addr.port()), ("example.teleport.sh", 443));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ProxyAddr {
    host: String,
    port: u16,
}

impl ProxyAddr {
    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for ProxyAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for ProxyAddr {
    type Err = Error;

    /// `host`, `host:port`, `[v6]:port`; without a port 443.
    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::new(ErrorKind::Config, format!("`{}` is no proxy address", text.escape_debug()))
                .advice("write host or host:port, without a scheme")
        };
        let authority: http::uri::Authority = text.trim().parse().map_err(|_| refused())?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 443,
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or_else(refused)?,
            None => return Err(refused()),
        };
        if host.is_empty() || port == 0 {
            return Err(refused());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// How long each step of a dial may take.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_teleport::dial::{DialConfig, Limits};
///
/// let limits = Limits::default().total(Duration::from_secs(6)).each(Duration::from_secs(2)).verdict(Duration::ZERO);
/// assert_eq!((limits.connect, limits.tls), (Duration::from_secs(2), Duration::from_secs(2)));
/// let config = DialConfig::new("cube.teleport.sh".parse()?).limits(limits);
/// # let _ = config;
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The whole dial, second attempts included: 10 s.
    pub total: Duration,
    /// Asking for the proxy's public address: 5 s.
    pub find: Duration,
    /// Looking for a balancer that ends TLS: 5 s.
    pub detect: Duration,
    /// Address look-up and TCP, over all addresses: 5 s.
    pub connect: Duration,
    /// Each TLS handshake: 5 s.
    pub tls: Duration,
    /// The connection upgrade: 5 s.
    pub upgrade: Duration,
    /// How long the first word of the far side is waited for, so that a refusal is an error of the dial
    /// and not of the first read: 100 ms. Apps that speak first end the wait; zero skips it.
    pub verdict: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let step = Duration::from_secs(5);
        Self {
            total: Duration::from_secs(10),
            find: step,
            detect: step,
            connect: step,
            tls: step,
            upgrade: step,
            verdict: Duration::from_millis(100),
        }
    }
}

impl Limits {
    /// Sets the limit of the whole dial.
    #[must_use]
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = limit;
        self
    }

    /// Sets the limit of every single step.
    #[must_use]
    pub fn each(mut self, limit: Duration) -> Self {
        (self.find, self.detect, self.connect, self.tls, self.upgrade) = (limit, limit, limit, limit, limit);
        self
    }

    /// Sets how long the first word is waited for.
    #[must_use]
    pub fn verdict(mut self, limit: Duration) -> Self {
        self.verdict = limit;
        self
    }
}

/// The Teleport proxy and the way to it.
///
/// Connections to it go through the HTTP proxy that the settings name, if any. A connect limit of the settings takes the
/// place of [`Limits::connect`]; `transport`, `clocks` and `middleware` mean nothing here.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::config::Environment;
/// use cube_sdk_teleport::dial::{DialConfig, Limits};
///
/// // `Environment::process()` reads the process's own variables.
/// let environment = Environment::from_pairs([("CUBE_TELEPORT_PROXY", "cube.teleport.sh")]);
/// let config = DialConfig::from_env(&environment)?
///     .find(true) // asks that address for the proxy's public one
///     .limits(Limits::default().total(Duration::from_secs(6)));
/// assert_eq!((config.proxy_addr().host(), config.proxy_addr().port()), ("cube.teleport.sh", 443));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DialConfig {
    pub(crate) proxy: ProxyAddr,
    pub(crate) origin: Origin,
    pub(crate) find: bool,
    pub(crate) upgrade: Upgrade,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
}

impl DialConfig {
    /// The proxy at this address, trusting the operating system's certificates.
    pub fn new(proxy: ProxyAddr) -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        let policy = RetryPolicy::default().max_attempts(2).backoff(backoff);
        Self {
            proxy,
            origin: Origin::Code,
            find: false,
            upgrade: Upgrade::default(),
            settings: Settings::new().retrier(Retrier::new(policy, RetryBudget::default())),
            limits: Limits::default(),
        }
    }

    /// From `CUBE_TELEPORT_PROXY` and `TELEPORT_TLS_ROUTING_CONN_UPGRADE`.
    ///
    /// # Errors
    /// `Config` when the first is missing or either is unreadable.
    pub fn from_env(environment: &Environment) -> Result<Self> {
        let proxy = environment.text(PROXY)?.ok_or_else(|| {
            Error::new(ErrorKind::Config, "no Teleport proxy is configured")
                .with_target(PROXY.env)
                .advice("set it to the proxy's host:port")
        })?;
        let addr: ProxyAddr = proxy.value.parse().map_err(|error: Error| error.with_target(PROXY.env))?;
        let mut config = Self::new(addr).environment(environment);
        config.origin = proxy.origin;
        if let Some(choice) = environment.text(CONN_UPGRADE)? {
            // A list may be about other proxies; a single word must be a boolean.
            match Upgrade::from_override(&choice.value, &config.proxy) {
                Some(upgrade) => config.upgrade = upgrade,
                None if choice.value.contains('=') => {}
                None => {
                    return Err(Error::new(
                        ErrorKind::Config,
                        "the value is neither a boolean nor a list of addr=bool",
                    )
                    .with_target(CONN_UPGRADE.env));
                }
            }
        }
        Ok(config)
    }

    settings_methods!();

    /// Whether connections are upgraded.
    pub fn upgrade(mut self, upgrade: Upgrade) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// Asks the proxy at this address for its public address (`/webapi/find`) and dials that one; the
    /// answer is kept for 5 minutes.
    pub fn find(mut self, find: bool) -> Self {
        self.find = find;
        self
    }

    /// Trusts certificates (PEM) beside those of the operating system: `extra_ca` from a text.
    ///
    /// # Errors
    /// `Config` when the text holds none or a broken one.
    pub fn trust_pem(self, pem: &[u8]) -> Result<Self> {
        Ok(self.extra_ca(RootCertificates::from_pem(pem)?))
    }

    /// How long steps may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The configured address.
    pub fn proxy_addr(&self) -> &ProxyAddr {
        &self.proxy
    }

    /// Where the address came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let shown = |text: &str| text.parse::<ProxyAddr>().map(|addr| addr.to_string()).ok();
        assert_eq!(shown("h:3080").as_deref(), Some("h:3080"));
        assert_eq!(shown("[::1]").as_deref(), Some("[::1]:443"));
        assert_eq!(shown(" h ").as_deref(), Some("h:443"));
        for bad in ["", "https://h", "h:", "h:x", "h:0", "u@h:1", "h/p", "h:70000"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn overrides() {
        let proxy: ProxyAddr = "a.example.com:443".parse().unwrap();
        let read = |text| Upgrade::from_override(text, &proxy);
        assert_eq!(read("true"), Some(Upgrade::Always));
        assert_eq!(read("0"), Some(Upgrade::Never));
        assert_eq!(read("b.example.com=true; a.example.com=false"), Some(Upgrade::Never));
        assert_eq!(read("b.example.com:443=true"), None);
        assert_eq!(read("maybe"), None);
    }

    #[test]
    fn the_environment_is_named() {
        let config = |pairs: &[(&str, &str)]| DialConfig::from_env(&Environment::from_pairs(pairs.iter().copied()));
        assert_eq!(config(&[]).unwrap_err().target(), Some("CUBE_TELEPORT_PROXY"));
        assert_eq!(config(&[("CUBE_TELEPORT_PROXY", "https://x")]).unwrap_err().target(), Some("CUBE_TELEPORT_PROXY"));
        let set = [("CUBE_TELEPORT_PROXY", "h"), ("TELEPORT_TLS_ROUTING_CONN_UPGRADE", "yes")];
        let good = config(&set).unwrap();
        assert_eq!((good.upgrade, good.origin().clone()), (Upgrade::Always, Origin::Env("CUBE_TELEPORT_PROXY")));
        let bad = config(&[set[0], ("TELEPORT_TLS_ROUTING_CONN_UPGRADE", "perhaps")]).unwrap_err();
        assert_eq!(bad.target(), Some("TELEPORT_TLS_ROUTING_CONN_UPGRADE"));
    }
}
