//! The agent end's client: opens tunnels and keeps the registry of those that run.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::settings::{Described, Ground, Settings};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, awaitable, settings_methods};
use url::Url;

use super::agent::{self, ShutdownReport, Tunnel};
use super::config::{CUBE_API_KEY, CUBE_CLOUD_URL, Endpoint, FixedKey, KeySource, Keys, Origin};
use super::negotiate::Protocol;
use super::registry::Registry;
use crate::app_name::AppName;

/// How long a stop waits for open streams unless told otherwise.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Builds [`Tunnels`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::SecretString;
/// use cube_sdk_teleport::Tunnels;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tunnels = Tunnels::builder()
///     .url("wss://cube.example/tunnel".parse()?) // else CUBE_CLOUD_URL
///     .key(SecretString::from("cube_k1")) // else CUBE_API_KEY
///     .connect_timeout(Duration::from_secs(4))
///     .max_streams(64)
///     .build()?; // nothing is opened yet
/// assert!(tunnels.list().await.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TunnelsBuilder {
    settings: Settings,
    url: Option<Url>,
    key: Option<Arc<dyn KeySource>>,
    protocol: Protocol,
    window: u32,
    max_streams: u32,
}

impl TunnelsBuilder {
    settings_methods!();

    /// The relay: `wss://HOST/tunnel`, or the base URL of cube-cloud (`/tunnel` is added when it has no path).
    /// Default: `CUBE_CLOUD_URL`.
    pub fn url(mut self, url: Url) -> Self {
        self.url = Some(url);
        self
    }

    /// The API key. Default: `CUBE_API_KEY`.
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

    /// Checks the settings. Nothing is opened or spawned. A URL or key that is missing is told when a tunnel is opened.
    ///
    /// # Errors
    /// `Config`, naming the setting, when one cannot be used: the URL is none of a relay, or would carry the key in
    /// clear text to another machine; a proxy, a CA file.
    pub fn build(self) -> Result<Tunnels> {
        let ground = self.settings.ground()?;
        let url = match &self.url {
            Some(url) => Some((url.clone(), "url (set in code)")),
            None => cloud_url(ground.environment())?.map(|url| (url, CUBE_CLOUD_URL.env)),
        };
        let endpoint = match &url {
            Some((url, name)) => {
                let endpoint = Endpoint::new(url).map_err(|error| error.with_target(*name))?;
                ground.check_clear_text(name, endpoint.url())?;
                Some(endpoint)
            }
            None => None,
        };
        let key = match self.key.clone() {
            Some(key) => Some(key),
            None => ground.environment().secret(CUBE_API_KEY)?.map(|key| Arc::new(FixedKey(key.value)) as _),
        };
        let client = Client {
            ground,
            endpoint,
            key,
            protocol: self.protocol,
            window: self.window,
            max_streams: self.max_streams,
            origin: OnceLock::new(),
            registry: Registry::default(),
        };
        Ok(Tunnels(Arc::new(client)))
    }
}

/// The published agent drops any path of the base URL: the relay answers at `/tunnel`.
fn cloud_url(environment: &Environment) -> Result<Option<Url>> {
    Ok(environment.url(CUBE_CLOUD_URL)?.map(|mut url| {
        url.value.set_path("/");
        url.value
    }))
}

struct Client {
    ground: Ground,
    endpoint: Option<Endpoint>,
    key: Option<Arc<dyn KeySource>>,
    protocol: Protocol,
    window: u32,
    max_streams: u32,
    /// Made when the first tunnel is opened.
    origin: OnceLock<Arc<Origin>>,
    registry: Registry,
}

impl Client {
    fn origin(&self) -> Result<Arc<Origin>> {
        if let Some(origin) = self.origin.get() {
            return Ok(Arc::clone(origin));
        }
        let missing = |what: &str, key: Key| {
            Error::new(ErrorKind::Config, format!("the tunnel's {what} is missing")).advice(format!("set {}", key.env))
        };
        let origin = Arc::new(Origin {
            ground: self.ground.clone(),
            endpoint: self.endpoint.clone().ok_or_else(|| missing("relay URL", CUBE_CLOUD_URL))?,
            keys: Keys::new(self.key.clone().ok_or_else(|| missing("key", CUBE_API_KEY))?),
            protocol: self.protocol,
            window: self.window,
            max_streams: self.max_streams,
            first_only: AtomicBool::new(false),
        });
        Ok(Arc::clone(self.origin.get_or_init(|| origin)))
    }
}

/// Tunnels to one relay. Cheap to clone; clones share the registry of running tunnels.
///
/// ```
/// use cube_sdk_core::SecretString;
/// use cube_sdk_teleport::Tunnels;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = app.local_addr()?.to_string();
/// # tokio::spawn(async move {
/// #     while let Ok((mut stream, _)) = app.accept().await {
/// #         tokio::spawn(async move {
/// #             let (mut from, mut to) = stream.split();
/// #             tokio::io::copy(&mut from, &mut to).await
/// #         });
/// #     }
/// # });
/// # let door = cube_sdk_teleport::tunnel::authorizer_fn(
/// #     |_key, _peer| async { Ok(cube_sdk_teleport::tunnel::Caller::new("first")) },
/// #     move |_caller, app| {
/// #         let route = cube_sdk_teleport::dial::Route::new(app, address.clone());
/// #         async move { Ok(route) }
/// #     },
/// # );
/// # let dialer = cube_sdk_teleport::dial::DirectDialer::new();
/// # let relay = cube_sdk_teleport::tunnel::Relay::builder().build(door, dialer);
/// # let relay = cube_sdk_teleport::tunnel::RelayServer::bind(relay, "127.0.0.1:0", None).await?;
/// # let url: url::Url = format!("ws://{}/tunnel", relay.local_addr()?).parse()?;
/// # tokio::spawn(relay.run(std::future::pending()));
/// let tunnels = Tunnels::builder().url(url).key(SecretString::from("cube_k1")).build()?;
/// let tunnel = tunnels.open("echo").await?;
/// println!("echo listens at {}", tunnel.local_addr());
/// assert_eq!(tunnels.list().await.len(), 1);
/// tunnels.stop("echo").await?;
/// assert!(tunnels.list().await.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tunnels(Arc<Client>);

impl Tunnels {
    /// Settings to start from: those of the process's environment.
    pub fn builder() -> TunnelsBuilder {
        TunnelsBuilder {
            settings: Settings::new(),
            url: None,
            key: None,
            protocol: Protocol::default(),
            window: 256 * 1024,
            max_streams: 256,
        }
    }

    /// A tunnel to an app, to be awaited. When one to this app runs already, that one is given.
    pub fn open(&self, app: impl Into<String>) -> OpenTunnel {
        OpenTunnel { tunnels: self.clone(), app: app.into(), bind: "127.0.0.1:0".to_owned() }
    }

    /// The running tunnels, by name of their app.
    pub async fn list(&self) -> Vec<Tunnel> {
        self.0.registry.running()
    }

    /// Stops the tunnel to an app, waiting up to 5 s for its streams. One that is being opened is given up.
    ///
    /// # Errors
    /// `NotFound` when none runs; the text names those that do.
    pub async fn stop(&self, app: &str) -> Result<ShutdownReport> {
        if let Some(removed) = self.0.registry.remove(app) {
            return Ok(removed.stop(STOP_GRACE).await);
        }
        let names: Vec<_> = self.0.registry.running().iter().map(|tunnel| tunnel.app().to_string()).collect();
        let running = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(Error::new(ErrorKind::NotFound, format!("no tunnel to `{}` runs; running: {running}", app.escape_debug())))
    }

    /// Stops every tunnel at once, waiting up to 5 s for their streams, and names them. Those that are being opened are
    /// given up.
    pub async fn stop_all(&self) -> Vec<(AppName, ShutdownReport)> {
        let removed = self.0.registry.remove_all();
        let stops = removed.into_iter().map(|(app, entry)| async move { (app, entry.stop(STOP_GRACE).await) });
        futures_util::future::join_all(stops).await
    }

    /// What was set up, without secrets.
    pub fn describe(&self) -> Vec<Described> {
        self.0.ground.describe()
    }
}

impl fmt::Debug for TunnelsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelsBuilder").field("has_key", &self.key.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.endpoint {
            Some(endpoint) => write!(f, "Tunnels({endpoint})"),
            None => f.write_str("Tunnels(no relay)"),
        }
    }
}

/// A tunnel about to be opened; await it.
///
/// ```
/// use cube_sdk_core::SecretString;
/// use cube_sdk_teleport::Tunnels;
/// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = app.local_addr()?.to_string();
/// # tokio::spawn(async move {
/// #     while let Ok((mut stream, _)) = app.accept().await {
/// #         tokio::spawn(async move {
/// #             let (mut from, mut to) = stream.split();
/// #             tokio::io::copy(&mut from, &mut to).await
/// #         });
/// #     }
/// # });
/// # let door = cube_sdk_teleport::tunnel::authorizer_fn(
/// #     |_key, _peer| async { Ok(cube_sdk_teleport::tunnel::Caller::new("first")) },
/// #     move |_caller, app| {
/// #         let route = cube_sdk_teleport::dial::Route::new(app, address.clone());
/// #         async move { Ok(route) }
/// #     },
/// # );
/// # let dialer = cube_sdk_teleport::dial::DirectDialer::new();
/// # let relay = cube_sdk_teleport::tunnel::Relay::builder().build(door, dialer);
/// # let relay = cube_sdk_teleport::tunnel::RelayServer::bind(relay, "127.0.0.1:0", None).await?;
/// # let url: url::Url = format!("ws://{}/tunnel", relay.local_addr()?).parse()?;
/// # tokio::spawn(relay.run(std::future::pending()));
/// let tunnels = Tunnels::builder().url(url).key(SecretString::from("cube_k1")).build()?;
/// let tunnel = tunnels.open("echo").bind("127.0.0.1:0").await?;
/// // Any client may connect to the local port now: psql, a browser, a socket.
/// let mut stream = tokio::net::TcpStream::connect(tunnel.local_addr()).await?;
/// stream.write_all(b"ping").await?;
/// let mut back = [0; 4];
/// stream.read_exact(&mut back).await?;
/// assert_eq!(&back, b"ping");
/// # Ok(())
/// # }
/// ```
#[must_use = "a tunnel opens when it is awaited"]
#[derive(Debug)]
pub struct OpenTunnel {
    tunnels: Tunnels,
    app: String,
    bind: String,
}

impl OpenTunnel {
    /// The local address, such as `127.0.0.1:5432` or `[::1]:0`; port 0 means any free one. Default `127.0.0.1:0`.
    /// Everyone who reaches the address reaches the app.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    async fn open(self) -> Result<Tunnel> {
        let app = AppName::new(self.app)?;
        let origin = self.tunnels.0.origin()?;
        let bind = self.bind;
        self.tunnels.0.registry.open(app.clone(), async move { agent::start(origin, app, &bind).await }).await
    }
}

awaitable! {
    /// Listens, connects, and gives the tunnel once the relay is there. Calls for one app share what is being opened.
    ///
    /// # Errors
    /// `InvalidInput` for a bad app name, `Config` when URL or key are missing, `Io` when the address is taken, and
    /// what connecting ended with: `Connect`, `Unauthenticated`, `PermissionDenied`, `Throttled`, `Unavailable`,
    /// `Unsupported`, …; `Closed` when it was stopped meanwhile. An unknown app shows only at the first stream.
    ///
    /// # Cancel safety
    /// Safe: when nobody waits for it any more, nothing is left behind.
    OpenTunnel => Tunnel, open
}
