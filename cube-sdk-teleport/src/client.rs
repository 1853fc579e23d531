//! The agent end's client: opens tunnels and keeps the registry of those that run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, awaitable};
use tokio::sync::Mutex;
use url::Url;

use crate::config::{CUBE_API_KEY, CUBE_CLOUD_URL, Endpoint, FixedKey, KeySource, ProxySetting, Settings};
use crate::tunnel::{self, AppName, Protocol, ShutdownReport, Tunnel};

/// How long a stop waits for open streams unless told otherwise.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Settings, and what was learned about the relay.
pub(crate) struct Origin {
    pub(crate) settings: Settings,
    /// The relay knows version 1 only and wants the key in the URL.
    first_only: AtomicBool,
}

impl Origin {
    pub(crate) fn is_first_only(&self) -> bool {
        self.first_only.load(Ordering::Relaxed)
    }

    pub(crate) fn remember_first(&self) {
        let url_key = tunnel::allows_url_key(&self.settings.endpoint);
        if self.settings.protocol == Protocol::Auto && url_key {
            self.first_only.store(true, Ordering::Relaxed);
        }
    }
}

/// Builds [`Tunnels`].
#[derive(Clone)]
#[must_use]
pub struct TunnelsBuilder {
    url: Option<Url>,
    key: Option<Arc<dyn KeySource>>,
    protocol: Protocol,
    proxy: ProxySetting,
    ca: Option<Vec<u8>>,
    window: u32,
    max_streams: u32,
    environment: Option<Environment>,
}

impl TunnelsBuilder {
    /// The relay: `wss://HOST/tunnel`, or the base URL of cube-cloud (`/tunnel` is added when it has no path).
    pub fn url(mut self, url: Url) -> Self {
        self.url = Some(url);
        self
    }

    /// The API key.
    pub fn key(self, key: SecretString) -> Self {
        self.key_source(FixedKey(key))
    }

    /// Where the API key comes from, asked before every connection.
    pub fn key_source(mut self, source: impl KeySource) -> Self {
        self.key = Some(Arc::new(source));
        self
    }

    /// Which versions to speak. Default: version 2 where the relay knows it.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// HTTP proxies. Default: as the environment says.
    pub fn proxy(mut self, proxy: ProxySetting) -> Self {
        self.proxy = proxy;
        self
    }

    /// Certificate authorities (PEM) to trust beyond the system's.
    pub fn extra_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Bytes that the relay may send on each stream before the first credit (version 2). Default 256 KiB; at
    /// least 1 KiB, at most 16 MiB.
    pub fn window(mut self, bytes: u32) -> Self {
        self.window = bytes.clamp(1024, 16 << 20);
        self
    }

    /// Streams of a tunnel at once, where the relay sets no lower limit. Default 256.
    pub fn max_streams(mut self, streams: u32) -> Self {
        self.max_streams = streams.clamp(1, 16_384);
        self
    }

    /// Fills what is not set here from `CUBE_CLOUD_URL` and `CUBE_API_KEY`, when the settings are checked.
    pub fn environment(mut self, environment: &Environment) -> Self {
        self.environment = Some(environment.clone());
        self
    }

    /// Checks the settings. Nothing is opened or spawned.
    ///
    /// # Errors
    /// `Config`, naming the variable, when URL or key are missing, or the URL is none of a relay.
    pub fn build(self) -> Result<Tunnels> {
        let tunnels = self.build_unchecked();
        tunnels.0.origin()?;
        Ok(tunnels)
    }

    /// Leaves the check of the settings to the first tunnel that is opened.
    pub fn build_unchecked(self) -> Tunnels {
        let running = Mutex::new(BTreeMap::new());
        Tunnels(Arc::new(Registry { builder: self, origin: OnceLock::new(), running }))
    }

    fn origin(&self) -> Result<Origin> {
        let missing = |what: &str, key: Key| {
            Error::new(ErrorKind::Config, format!("the tunnel's {what} is missing")).advice(format!("set {}", key.env))
        };
        let url = match &self.url {
            Some(url) => Some(url.clone()),
            None => self.cloud_url()?,
        };
        let settings = Settings {
            endpoint: Endpoint::new(&url.ok_or_else(|| missing("relay URL", CUBE_CLOUD_URL))?)?,
            key: self.key.clone().or_else(|| self.cloud_key()).ok_or_else(|| missing("key", CUBE_API_KEY))?,
            protocol: self.protocol,
            proxy: self.proxy.clone(),
            ca: self.ca.clone(),
            window: self.window,
            max_streams: self.max_streams,
        };
        Ok(Origin { settings, first_only: AtomicBool::new(false) })
    }

    /// The published agent drops any path of the base URL: the relay answers at `/tunnel`.
    fn cloud_url(&self) -> Result<Option<Url>> {
        let found = self.environment.as_ref().map(|environment| environment.url(CUBE_CLOUD_URL)).transpose()?;
        Ok(found.flatten().map(|mut url| {
            url.value.set_path("/");
            url.value
        }))
    }

    fn cloud_key(&self) -> Option<Arc<dyn KeySource>> {
        let key = self.environment.as_ref()?.secret(CUBE_API_KEY)?;
        Some(Arc::new(FixedKey(key.value)))
    }
}

struct Registry {
    builder: TunnelsBuilder,
    /// Made from the builder when the first tunnel is opened.
    origin: OnceLock<Arc<Origin>>,
    /// Held while a tunnel is being opened, so that two calls for one app open one tunnel.
    running: Mutex<BTreeMap<AppName, Tunnel>>,
}

impl Registry {
    fn origin(&self) -> Result<Arc<Origin>> {
        if let Some(origin) = self.origin.get() {
            return Ok(Arc::clone(origin));
        }
        let origin = Arc::new(self.builder.origin()?);
        Ok(Arc::clone(self.origin.get_or_init(|| origin)))
    }
}

/// Tunnels to one relay. Cheap to clone; clones share the registry of running tunnels.
#[derive(Clone)]
pub struct Tunnels(Arc<Registry>);

impl Tunnels {
    /// Settings to start from.
    pub fn builder() -> TunnelsBuilder {
        TunnelsBuilder {
            url: None,
            key: None,
            protocol: Protocol::default(),
            proxy: ProxySetting::default(),
            ca: None,
            window: 256 * 1024,
            max_streams: 256,
            environment: None,
        }
    }

    /// A tunnel to an app, to be awaited. When one to this app runs already, that one is given.
    pub fn open(&self, app: impl Into<String>) -> OpenTunnel {
        OpenTunnel { tunnels: self.clone(), app: app.into(), bind: "127.0.0.1:0".to_owned() }
    }

    /// The running tunnels, by name of their app.
    pub async fn list(&self) -> Vec<Tunnel> {
        let mut running = self.0.running.lock().await;
        running.retain(|_, tunnel| !tunnel.state().is_over());
        running.values().cloned().collect()
    }

    /// Stops the tunnel to an app, waiting up to 5 s for its streams.
    ///
    /// # Errors
    /// `NotFound` when none runs; the text names those that do.
    pub async fn stop(&self, app: &str) -> Result<ShutdownReport> {
        let tunnel = {
            let mut running = self.0.running.lock().await;
            let found = running.keys().find(|name| name.as_str() == app).cloned();
            found.and_then(|name| running.remove(&name))
        };
        match tunnel {
            Some(tunnel) => Ok(tunnel.shutdown(STOP_GRACE).await),
            None => {
                let names: Vec<_> = self.list().await.iter().map(|tunnel| tunnel.app().to_string()).collect();
                let running = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Err(Error::new(
                    ErrorKind::NotFound,
                    format!("no tunnel to `{}` runs; running: {running}", app.escape_debug()),
                ))
            }
        }
    }

    /// Stops every tunnel at once, waiting up to 5 s for their streams, and names them.
    pub async fn stop_all(&self) -> Vec<(AppName, ShutdownReport)> {
        let tunnels = std::mem::take(&mut *self.0.running.lock().await);
        let stops = tunnels.into_iter().map(|(app, tunnel)| async move { (app, tunnel.shutdown(STOP_GRACE).await) });
        futures_util::future::join_all(stops).await
    }
}

impl fmt::Debug for TunnelsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelsBuilder").field("has_key", &self.key.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.origin.get() {
            Some(origin) => write!(f, "Tunnels({})", origin.settings.endpoint),
            None => f.write_str("Tunnels(not opened yet)"),
        }
    }
}

/// A tunnel about to be opened; await it.
#[must_use = "a tunnel opens when it is awaited"]
#[derive(Debug)]
pub struct OpenTunnel {
    tunnels: Tunnels,
    app: String,
    bind: String,
}

impl OpenTunnel {
    /// The local address, such as `127.0.0.1:5432`; port 0 means any free one. Default `127.0.0.1:0`.
    /// Everyone who reaches the address reaches the app.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    async fn open(self) -> Result<Tunnel> {
        let app = AppName::new(self.app)?;
        let mut running = self.tunnels.0.running.lock().await;
        if let Some(tunnel) = running.get(&app).filter(|tunnel| !tunnel.state().is_over()) {
            return Ok(tunnel.clone());
        }
        let tunnel = tunnel::start(self.tunnels.0.origin()?, app.clone(), &self.bind).await?;
        running.insert(app, tunnel.clone());
        Ok(tunnel)
    }
}

awaitable! {
    /// Listens, connects, and gives the tunnel once the relay is there.
    ///
    /// # Errors
    /// `InvalidInput` for a bad app name, `Config` when URL or key are missing, `Io` when the address is taken, and what the first attempt to connect
    /// ended with: `Connect`, `Unauthenticated`, `PermissionDenied`, `Throttled`, `Unavailable`, `Unsupported`, …
    /// An unknown app shows only at the first stream.
    ///
    /// # Cancel safety
    /// Safe: nothing is left behind.
    OpenTunnel => Tunnel, open
}
