//! Starts the world and owns it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_byo::{PrincipalArn, Storage};
use cube_sdk_core::config::Environment;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString};
use cube_sdk_testkit::aws::{AwsWorld, AwsWorldBuilder};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::card::Card;
use super::fixtures;
use super::ready::write_private;
use crate::edgegate::{CellExecutor, EdgeGateService, OperatorSettings, StreamingExecutor};
use crate::listener::Listener;
use crate::store::Store;

/// Where the seed of a kept world stands in its directory.
const SEED_FILE: &str = "seed";

/// The world: EdgeGate and the customer's AWS account, on loopback ports of the system's choosing. Dropping it ends
/// everything at once; what was acknowledged is kept if the world has a directory.
#[derive(Debug)]
pub struct World {
    listener: Listener,
    service: EdgeGateService,
    aws: AwsWorld,
    card: Card,
    /// Removed when the world ends; none when the directory is the caller's.
    _scratch: Option<TempDir>,
}

type AwsSetup = Box<dyn FnOnce(AwsWorldBuilder) -> AwsWorldBuilder + Send>;

/// Sets up a [`World`].
#[must_use]
pub struct WorldBuilder {
    seed: Option<u64>,
    data_dir: Option<PathBuf>,
    s3_rate: Option<u64>,
    reprobe_every: Option<Duration>,
    executor: Arc<dyn CellExecutor>,
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

    /// Lets answers and runs in progress finish for up to `grace`, then ends everything.
    pub async fn shutdown(self, grace: Duration) {
        let Self { listener, service, aws, .. } = self;
        listener.shutdown(grace).await;
        service.shutdown(grace).await;
        aws.shutdown(grace).await;
    }
}

impl WorldBuilder {
    /// Makes the card's ids, keys and bytes repeatable. Default: random. A directory keeps its first seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
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

    /// More settings of the customer's account.
    pub fn aws(mut self, setup: impl FnOnce(AwsWorldBuilder) -> AwsWorldBuilder + Send + 'static) -> Self {
        self.aws = Some(Box::new(setup));
        self
    }

    /// Starts everything and returns once everything answers. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Io` when a port or the directory cannot be used.
    pub async fn start(self) -> Result<World> {
        let (dir, scratch) = match self.data_dir {
            Some(dir) => {
                std::fs::create_dir_all(&dir).map_err(|e| Error::io(format!("making {}", dir.display()), e))?;
                (dir, None)
            }
            None => {
                let scratch = TempDir::new().map_err(|cause| Error::io("making a scratch directory", cause))?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
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

        let clock = Clock::system();
        let store = Store::open(&dir.join("edgegate.sqlite")).await?;
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
        let principal: PrincipalArn = card.principal_arn.parse()?;
        let mut service = EdgeGateService::builder(store.clone(), storage)
            .clock(clock)
            .settings(OperatorSettings::for_principal(&principal))
            .hostname("local-worker")
            .executor(self.executor);
        if let Some(period) = self.reprobe_every {
            service = service.reprobe_every(period);
        }
        let service = service.start().await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, service.router()).await?;
        let edgegate = fixtures::fill(&store, seed, listener.url(), clock).await?;
        answers(listener.address(), "/v1/_contracts").await?;
        answers(aws.address(), "/").await?;
        let card = Card { edgegate, aws: aws.card().into() };
        Ok(World { listener, service, aws, card, _scratch: scratch })
    }
}

impl std::fmt::Debug for WorldBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldBuilder").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The seed that a directory was made with; else the wanted one, or a random one, which it then keeps.
fn kept_seed(dir: &Path, wanted: Option<u64>) -> Result<u64> {
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

/// Asks a server for a page and waits for any HTTP answer.
async fn answers(address: SocketAddr, path: &str) -> Result<()> {
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
