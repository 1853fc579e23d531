//! Starts the world and owns it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_byo::Storage;
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use cube_sdk_testkit::apollo::Double;
use cube_sdk_testkit::aws::{AwsWorld, AwsWorldBuilder};
use cube_sdk_testkit::kube::ApiServer;
use tempfile::TempDir;

use super::card::Card;
use super::cloud::LocalCloud;
use super::edgegate::{LocalEdgeGate, answers, directory, kept_seed};
use crate::edgegate::{CellExecutor, StreamingExecutor};
use crate::listener::Limits;
use crate::metrics::Metrics;
use crate::store::EdgeGateStore;

/// The world: EdgeGate, cube-cloud, the customer's AWS account and Apollo's double, on loopback ports of the system's choosing. Dropping it ends
/// everything at once; what was acknowledged is kept if the world has a directory.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_server::local::World;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let world = World::start().await?;
/// let edgegate = EdgeGate::from_environment(&world.environment())?; // as every client: Cube::builder().environment(…)
/// let workspaces = edgegate.workspaces().list().await?;
/// assert!(workspaces.iter().any(|row| row.id.to_string() == world.card().edgegate.workspace));
/// assert!(world.aws().traffic().served("GetObject") == 0); // world.apollo(), world.cluster() likewise
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct World {
    edgegate: LocalEdgeGate,
    cloud: LocalCloud,
    aws: AwsWorld,
    card: Card,
    /// Removed when the world ends; none when the directory is the caller's.
    _scratch: Option<TempDir>,
}

type AwsSetup = Box<dyn FnOnce(AwsWorldBuilder) -> AwsWorldBuilder + Send>;

/// Sets up a [`World`].
///
/// ```
/// use cube_sdk_server::local::World;
/// use cube_sdk_server::metrics::Metrics;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let world = World::builder()
///     .seed(7) // the same ids and bytes each time
///     .s3_rate(50_000_000) // bytes per second of a connection
///     .app("db", "127.0.0.1:5432") // for tunnels
///     .metrics(Metrics::new()) // served by its router()
///     .aws(|aws| aws.short_sessions().request_log())
///     .start()
///     .await?;
/// assert_eq!(world.aws().traffic().served("GetObject"), 0);
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use]
pub struct WorldBuilder {
    seed: Option<u64>,
    data_dir: Option<PathBuf>,
    s3_rate: Option<u64>,
    reprobe_every: Option<Duration>,
    executor: Arc<dyn CellExecutor>,
    store: Option<EdgeGateStore>,
    limits: Limits,
    metrics: Metrics,
    apps: BTreeMap<String, String>,
    kubectl: Option<PathBuf>,
    aws: Option<AwsSetup>,
}

impl World {
    /// A world with default settings.
    ///
    /// # Errors
    /// As [`WorldBuilder::start`].
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// A world still to be started.
    pub fn builder() -> WorldBuilder {
        WorldBuilder {
            seed: None,
            data_dir: None,
            s3_rate: None,
            reprobe_every: None,
            executor: Arc::new(StreamingExecutor),
            store: None,
            limits: Limits::default(),
            metrics: Metrics::new(),
            apps: BTreeMap::new(),
            kubectl: None,
            aws: None,
        }
    }

    /// Where everything is.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The card as environment variables; see [`Card::env`].
    pub fn env(&self) -> Vec<(String, SecretString)> {
        self.card.env()
    }

    /// The card as an environment that clients accept in place of the process's own.
    pub fn environment(&self) -> Environment {
        Environment::from_pairs(self.env().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())))
    }

    /// The customer's account: faults, objects, roles, CloudTrail.
    pub fn aws(&self) -> &AwsWorld {
        &self.aws
    }

    /// Apollo: faults, environments, change requests.
    pub const fn apollo(&self) -> &Double {
        self.cloud.apollo()
    }

    /// The cluster: objects, logs, what was asked.
    pub const fn cluster(&self) -> &ApiServer {
        self.cloud.cluster()
    }

    /// Lets answers and runs in progress finish for up to `grace`, then ends everything.
    pub async fn shutdown(self, grace: Duration) {
        self.cloud.shutdown(grace).await;
        self.edgegate.shutdown(grace).await;
        self.aws.shutdown(grace).await;
    }
}

impl WorldBuilder {
    /// Makes the card's ids, keys and bytes repeatable, but for cube-cloud's API keys. Default: random. A directory keeps its first seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Where EdgeGate keeps its rows; by default a database in its directory.
    pub fn edgegate_store(mut self, store: EdgeGateStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Keeps state between runs in this directory, which is made if absent. Ports change from start to start.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// The most bytes per second that one connection to S3 carries.
    pub fn s3_rate(mut self, bytes_per_second: u64) -> Self {
        self.s3_rate = Some(bytes_per_second);
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

    /// How long connections may keep EdgeGate waiting, and how many there may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where EdgeGate counts. Default: nowhere that anyone sees.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// A TCP app that tunnels reach at this address, `host:port`. The world's own (`echo`, `dead` and `vault`) cannot be
    /// replaced: [`start`](Self::start) refuses their names.
    pub fn app(mut self, name: impl Into<String>, address: impl Into<String>) -> Self {
        self.apps.insert(name.into(), address.into());
        self
    }

    /// The program that `kubectl_exec` and its like run; by default the `kubectl` of the path.
    pub fn kubectl(mut self, program: impl Into<PathBuf>) -> Self {
        self.kubectl = Some(program.into());
        self
    }

    /// More settings of the customer's account.
    pub fn aws(mut self, setup: impl FnOnce(AwsWorldBuilder) -> AwsWorldBuilder + Send + 'static) -> Self {
        self.aws = Some(Box::new(setup));
        self
    }

    /// Starts everything and returns once everything answers. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Io` when a port or the directory cannot be used; `Config` for an app whose name or address is none,
    /// or whose name one of the world's own has.
    pub async fn start(self) -> Result<World> {
        let (dir, scratch) = directory(self.data_dir.as_deref())?;
        let seed = kept_seed(&dir, self.seed)?;
        let mut aws = AwsWorld::builder().seed(seed);
        if scratch.is_none() {
            aws = aws.data_dir(dir.join("aws"));
        }
        if let Some(rate) = self.s3_rate {
            aws = aws.rate_per_connection(rate);
        }
        if let Some(setup) = self.aws {
            aws = setup(aws);
        }
        let aws = aws.start().await.map_err(|cause| Error::io("starting the AWS double", cause))?;

        let card = aws.card();
        let endpoint = card
            .endpoint_url
            .parse()
            .map_err(|cause| Error::new(ErrorKind::Config, "the AWS double's endpoint is no URL").cause(cause))?;
        let worker = card.worker.clone();
        let storage = Storage::builder()
            .keys(worker.access_key_id, worker.secret_access_key, None)
            .endpoint_url(endpoint)
            .build()?;
        let mut edgegate = LocalEdgeGate::builder(storage, card.principal_arn.parse()?)
            .seed(seed)
            .data_dir(&dir)
            .executor(self.executor)
            .limits(self.limits)
            .metrics(self.metrics);
        edgegate.reprobe_every = self.reprobe_every;
        edgegate.store = self.store;
        let edgegate = edgegate.start().await?;
        answers(aws.address(), "/").await?;
        let cloud = LocalCloud::start(&dir, seed, &self.apps, self.kubectl.as_deref()).await?;
        let card = Card {
            edgegate: edgegate.card().clone(),
            aws: aws.card().into(),
            cloud: cloud.card.clone(),
            apollo: cloud.apollo_card.clone(),
            kube: cloud.kube_card.clone(),
        };
        Ok(World { edgegate, cloud, aws, card, _scratch: scratch })
    }
}

impl std::fmt::Debug for WorldBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldBuilder").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}
