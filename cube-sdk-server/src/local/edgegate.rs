//! EdgeGate on a loopback port, with workspaces, keys and a pipeline, reading from whatever S3 and STS it is given.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_byo::{PrincipalArn, Storage};
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, Error, ErrorKind, Result};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::card::EdgeGateCard;
use super::fixtures;
use super::ready::write_private;
use crate::edgegate::{CellExecutor, EdgeGateService, OperatorSettings, StreamingExecutor};
use crate::listener::{Limits, Listener};
use crate::metrics::Metrics;
use crate::store::{EdgeGateStore, Store};

/// Where the seed of a kept EdgeGate stands in its directory.
const SEED_FILE: &str = "seed";

/// A served EdgeGate. Dropping it ends it at once; what was acknowledged is kept if it has a directory.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_server::local::LocalEdgeGate;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let aws = cube_sdk_testkit::aws::AwsWorld::builder().start().await.unwrap();
/// # let card = aws.card();
/// # let storage = cube_sdk_byo::Storage::builder()
/// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
/// #     .endpoint_url(card.endpoint_url.parse().unwrap())
/// #     .build()?;
/// # let principal = card.principal_arn.parse()?;
/// // `storage` reads the buckets, `principal` is whom its keys belong to.
/// let local = LocalEdgeGate::builder(storage, principal).start().await?;
/// let edgegate = EdgeGate::from_environment(&local.environment())?;
/// assert!(!edgegate.workspaces().list().await?.is_empty());
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct LocalEdgeGate {
    listener: Listener,
    service: EdgeGateService,
    card: EdgeGateCard,
    /// Removed at the end; none when the directory is the caller's.
    _scratch: Option<TempDir>,
}

/// Sets up a [`LocalEdgeGate`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_server::listener::Limits;
/// use cube_sdk_server::local::LocalEdgeGate;
/// use cube_sdk_server::metrics::Metrics;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// # let aws = cube_sdk_testkit::aws::AwsWorld::builder().start().await.unwrap();
/// # let card = aws.card();
/// # let storage = cube_sdk_byo::Storage::builder()
/// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
/// #     .endpoint_url(card.endpoint_url.parse().unwrap())
/// #     .build()?;
/// # let principal = card.principal_arn.parse()?;
/// let local = LocalEdgeGate::builder(storage, principal)
///     .seed(7) // the same ids and keys each time
///     .data_dir(dir.path()) // kept for the next start
///     .limits(Limits::default().idle(Duration::from_secs(5)))
///     .metrics(Metrics::new()) // served by its router()
///     .start()
///     .await?;
/// local.shutdown(Duration::from_secs(5)).await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use]
pub struct LocalEdgeGateBuilder {
    storage: Storage,
    principal: PrincipalArn,
    pub(super) store: Option<EdgeGateStore>,
    pub(super) seed: Option<u64>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) reprobe_every: Option<Duration>,
    pub(super) executor: Arc<dyn CellExecutor>,
    pub(super) limits: Limits,
    metrics: Metrics,
}

impl LocalEdgeGate {
    /// A service that reads with this storage's keys; `principal` is whom these keys belong to, as the roles'
    /// trust policies name it.
    pub fn builder(storage: Storage, principal: PrincipalArn) -> LocalEdgeGateBuilder {
        LocalEdgeGateBuilder {
            storage,
            principal,
            store: None,
            seed: None,
            data_dir: None,
            reprobe_every: None,
            executor: Arc::new(StreamingExecutor),
            limits: Limits::default(),
            metrics: Metrics::new(),
        }
    }

    /// Where it is, and the keys to it.
    pub fn card(&self) -> &EdgeGateCard {
        &self.card
    }

    /// `EDGEGATE_API_URL` and `EDGEGATE_API_KEY`, as an environment that clients accept.
    pub fn environment(&self) -> Environment {
        let key = self.card.api_key.expose_secret().to_owned();
        Environment::from_pairs([("EDGEGATE_API_URL", self.card.url.clone()), ("EDGEGATE_API_KEY", key)])
    }

    /// Lets answers and runs in progress finish for up to `grace`, then ends everything.
    pub async fn shutdown(self, grace: Duration) {
        let Self { listener, service, .. } = self;
        // Requests first: they need the database, which the service closes.
        listener.shutdown(grace).await;
        service.shutdown(grace).await;
    }
}

impl LocalEdgeGateBuilder {
    /// Makes ids and keys repeatable. Default: random. A directory keeps its first seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps state between runs in this directory, which is made if absent.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Where its rows are kept; by default a database in its directory.
    pub fn store(mut self, store: EdgeGateStore) -> Self {
        self.store = Some(store);
        self
    }

    /// How often grants are probed again; by default every six hours.
    pub fn reprobe_every(mut self, period: Duration) -> Self {
        self.reprobe_every = Some(period);
        self
    }

    /// What executes the cells of runs; by default [`StreamingExecutor`].
    pub fn executor(mut self, executor: impl CellExecutor) -> Self {
        self.executor = Arc::new(executor);
        self
    }

    /// How long connections may keep it waiting, and how many there may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it counts. Default: nowhere that anyone sees.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Starts it and returns once it answers. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Io` when a port or the directory cannot be used.
    pub async fn start(self) -> Result<LocalEdgeGate> {
        let (dir, scratch) = directory(self.data_dir.as_deref())?;
        let clock = Clock::system();
        let store = match self.store {
            Some(store) => store,
            None => Store::open(&dir.join("edgegate.sqlite")).await?.into(),
        };
        let mut service = EdgeGateService::builder(store.clone(), self.storage)
            .clock(clock)
            .settings(OperatorSettings::for_principal(&self.principal))
            .hostname("local-worker")
            .executor(self.executor)
            .metrics(self.metrics);
        if let Some(period) = self.reprobe_every {
            service = service.reprobe_every(period);
        }
        let service = service.start().await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind_with(address, service.router(), self.limits).await?;
        let seed = kept_seed(&dir, self.seed)?;
        let card = fixtures::fill(&store, seed, listener.url(), clock).await?;
        answers(listener.address(), "/v1/_contracts").await?;
        Ok(LocalEdgeGate { listener, service, card, _scratch: scratch })
    }
}

impl std::fmt::Debug for LocalEdgeGateBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalEdgeGateBuilder").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The caller's directory, made if absent, or one that is removed at the end.
pub(super) fn directory(wanted: Option<&Path>) -> Result<(PathBuf, Option<TempDir>)> {
    match wanted {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|cause| Error::io(format!("making {}", dir.display()), cause))?;
            Ok((dir.to_owned(), None))
        }
        None => {
            let scratch = TempDir::new().map_err(|cause| Error::io("making a scratch directory", cause))?;
            Ok((scratch.path().to_owned(), Some(scratch)))
        }
    }
}

/// Asks a server for a page and waits for any HTTP answer.
pub(super) async fn answers(address: SocketAddr, path: &str) -> Result<()> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = [0; 5];
        stream.read_exact(&mut head).await?;
        if &head == b"HTTP/" { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    };
    ask.await.map_err(|cause| Error::io(format!("asking {address} for its first answer"), cause))
}

/// The seed that a directory was made with; else the wanted one, or a random one, which it then keeps.
pub(super) fn kept_seed(dir: &Path, wanted: Option<u64>) -> Result<u64> {
    let path = dir.join(SEED_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|cause| Error::new(ErrorKind::Io, format!("{} holds no seed", path.display())).cause(cause)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let seed = wanted.unwrap_or_else(fixtures::random_seed);
            write_private(&path, seed.to_string().as_bytes())?;
            Ok(seed)
        }
        Err(cause) => Err(Error::io(format!("reading {}", path.display()), cause)),
    }
}
