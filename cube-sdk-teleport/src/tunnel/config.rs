//! Settings of the agent end: where the relay is, with which key, over which way.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::cached::{Cached, Fresh};
use cube_sdk_core::config::{Key, is_loopback};
use cube_sdk_core::secret::trimmed;
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use url::Url;

use super::negotiate::Protocol;

/// The base URL of cube-cloud, whose relay answers at `/tunnel`.
pub const CUBE_CLOUD_URL: Key =
    Key::open("CUBE_CLOUD_URL", "Base URL of cube-cloud; tunnels go to `/tunnel` on its authority.");

/// The API key of cube-cloud.
pub const CUBE_API_KEY: Key = Key::secret("CUBE_API_KEY", "cube-cloud API key. Needed when a tunnel is opened.");

/// Every setting of this crate, for docs/environment.md.
pub const KEYS: &[Key] = &[CUBE_CLOUD_URL, CUBE_API_KEY];

/// How long a key source may take.
const KEY_LIMIT: Duration = Duration::from_secs(10);

/// Where the key comes from. It is asked again before every connection, so a rotated key is taken up; tunnels that
/// connect at the same time share one answer, a failure too. It may take 10 s.
///
/// Closures are key sources: `|| async { read_the_key().await }`.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The key now.
    async fn key(&self) -> Result<SecretString>;
}

#[async_trait]
impl<F, A> KeySource for F
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<SecretString>> + Send,
{
    async fn key(&self) -> Result<SecretString> {
        self().await
    }
}

/// One key for ever.
pub(crate) struct FixedKey(pub(crate) SecretString);

#[async_trait]
impl KeySource for FixedKey {
    async fn key(&self) -> Result<SecretString> {
        Ok(self.0.clone())
    }
}

/// A key source that many may ask at once, that may hang, and that may panic.
pub(crate) struct Keys {
    source: Arc<dyn KeySource>,
    shared: Cached<SecretString>,
}

impl Keys {
    pub(crate) fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, shared: Cached::default().patience(KEY_LIMIT) }
    }

    /// The key now, white space around it dropped.
    ///
    /// # Errors
    /// Those of the source; `Credentials` when it gave no answer in time, or stopped before its end.
    pub(crate) async fn now(&self) -> Result<SecretString> {
        let source = Arc::clone(&self.source);
        let fetch = || async move { Ok(Fresh::new(trimmed(&source.key().await?)?, None)) };
        self.shared.renew(fetch).await.map_err(|error| {
            let words = match error.kind() {
                ErrorKind::Timeout => format!("the key source gave no key within {} s", KEY_LIMIT.as_secs()),
                ErrorKind::Cancelled => "the key source stopped before it gave a key".to_owned(),
                _ => return error,
            };
            Error::new(ErrorKind::Credentials, words).advice("see what the key source waits for").cause(error)
        })
    }
}

/// A key in a file; white space around it is dropped.
#[derive(Clone, Debug)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// Reads this file each time.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl KeySource for KeyFile {
    async fn key(&self) -> Result<SecretString> {
        let shown = self.0.display();
        let bytes = tokio::fs::read(&self.0).await.map_err(|error| {
            Error::new(ErrorKind::Credentials, format!("could not read the key file {shown}")).cause(error)
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(ErrorKind::Credentials, format!("the key file {shown} is not UTF-8")))?;
        trimmed(&SecretString::from(text)).map_err(|_| {
            Error::new(ErrorKind::Credentials, format!("the key file {shown} is empty")).advice("put the key into it")
        })
    }
}

/// The endpoint, checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    url: Url,
    secure: bool,
}

impl Endpoint {
    /// `https` and `wss` are TLS, `http` and `ws` are not. Without a path other than `/`, `/tunnel` is meant.
    pub(crate) fn new(url: &Url) -> Result<Self> {
        let secure = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            other => {
                return Err(Error::new(ErrorKind::Config, format!("`{other}` is no scheme of a tunnel"))
                    .advice("use wss:// or https://"));
            }
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Error::new(ErrorKind::Config, "the relay's URL has no host"));
        }
        let mut url = url.clone();
        // The key travels in a header; what else stands in the URL is not for the relay.
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(Error::new(ErrorKind::Config, "the relay's URL cannot carry a user"));
        }
        url.set_query(None);
        url.set_fragment(None);
        if url.path() == "/" {
            url.set_path("/tunnel");
        }
        Ok(Self { url, secure })
    }

    pub(crate) fn secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn bare_host(&self) -> &str {
        self.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port().unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// `host` or `host:port`, as in the Host header.
    pub(crate) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.bare_host())
    }

    /// May the key travel in the URL?
    pub(crate) fn allows_url_key(&self) -> bool {
        self.secure || self.is_loopback()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", cube_sdk_core::redact::SafeUrl(&self.url))
    }
}

/// Everything that opening a connection needs, and what was learned about the relay.
pub(crate) struct Origin {
    pub(crate) ground: Ground,
    pub(crate) endpoint: Endpoint,
    pub(crate) keys: Keys,
    pub(crate) protocol: Protocol,
    pub(crate) window: u32,
    pub(crate) max_streams: u32,
    /// The relay knows version 1 only and wants the key in the URL.
    pub(crate) first_only: AtomicBool,
}

impl Origin {
    pub(crate) fn is_first_only(&self) -> bool {
        self.first_only.load(Ordering::Relaxed)
    }

    /// May the key go in the URL, should the relay know no other way?
    pub(crate) fn may_fall_back(&self) -> bool {
        self.protocol == Protocol::Auto && self.endpoint.allows_url_key()
    }

    pub(crate) fn remember_first(&self) {
        if self.may_fall_back() {
            self.first_only.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_normalised() {
        let endpoint = |url: &str| Endpoint::new(&url.parse().unwrap());
        let cloud = endpoint("https://user:pw@cube.example/?token=x#y").unwrap();
        assert_eq!(cloud.to_string(), "https://cube.example/tunnel");
        assert_eq!((cloud.secure(), cloud.port(), cloud.authority().as_str()), (true, 443, "cube.example"));
        let local = endpoint("ws://[::1]:8080/base/tunnel").unwrap();
        assert_eq!((local.bare_host(), local.path(), local.is_loopback()), ("::1", "/base/tunnel", true));
        assert_eq!(endpoint("ftp://x").unwrap_err().kind(), ErrorKind::Config);
    }
}
