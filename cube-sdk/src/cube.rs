//! The one thing that a program makes: it holds the settings and opens the domains' doors.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cube_sdk_core::Result;
use cube_sdk_core::config::Environment;
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::transport::SharedTransport;

/// The door to every service. Cheap to clone; clones share connections, credentials and retry budgets.
///
/// Making one does no I/O. Each domain's client is made when its door is first opened, and kept.
///
/// ```
/// use cube_sdk::core::config::Environment;
/// use cube_sdk::prelude::*;
///
/// let cube = Cube::builder()
///     .environment(Environment::from_pairs([("EDGEGATE_API_URL", "https://edgegate.example/")]))
///     .build();
/// assert_eq!(cube.edgegate()?.base_url().as_str(), "https://edgegate.example/");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Cube(Arc<Parts>);

struct Parts {
    settings: CubeBuilder,
    #[cfg(feature = "edgegate")]
    edgegate: OnceLock<cube_sdk_byo::EdgeGate>,
    #[cfg(feature = "apollo")]
    apollo: OnceLock<cube_sdk_apollo::Apollo>,
    #[cfg(feature = "teleport")]
    tunnels: OnceLock<cube_sdk_teleport::Tunnels>,
}

impl fmt::Debug for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cube").field(&self.0.settings).finish()
    }
}

impl Cube {
    /// From the process's environment; docs/environment.md lists the variables.
    ///
    /// # Errors
    /// `Config`, naming the variable, when a value that is set cannot be used. What is missing is told
    /// when it is needed.
    pub fn from_env() -> Result<Self> {
        let cube = Self::builder().build();
        cube.check()?;
        Ok(cube)
    }

    /// Starts from the process's environment and the defaults.
    pub fn builder() -> CubeBuilder {
        CubeBuilder { environment: Environment::process(), transport: None, retrier: Retrier::default() }
    }

    /// EdgeGate: workspaces, BYO storage, artifacts, pipelines, runs, audit.
    ///
    /// # Errors
    /// `Config`, naming the variable, when `EDGEGATE_API_URL` or `EDGEGATE_API_KEY` cannot be used.
    #[cfg(feature = "edgegate")]
    pub fn edgegate(&self) -> Result<cube_sdk_byo::EdgeGate> {
        kept(&self.0.edgegate, || {
            let settings = &self.0.settings;
            let mut client =
                cube_sdk_byo::EdgeGate::builder().environment(&settings.environment).retrier(settings.retrier.clone());
            if let Some(transport) = &settings.transport {
                client = client.transport(transport.clone());
            }
            client.build()
        })
    }

    /// Palantir Apollo: environments, entities, plans, modules, products, channels, change requests.
    ///
    /// # Errors
    /// `Config`, naming the variable, when `CUBE_APOLLO_CLIENT_ID` or `CUBE_APOLLO_CLIENT_SECRET` is missing or
    /// `CUBE_APOLLO_URL` cannot be used.
    #[cfg(feature = "apollo")]
    pub fn apollo(&self) -> Result<cube_sdk_apollo::Apollo> {
        kept(&self.0.apollo, || {
            let settings = &self.0.settings;
            let mut client =
                cube_sdk_apollo::Apollo::builder().environment(&settings.environment).retrier(settings.retrier.clone());
            if let Some(transport) = &settings.transport {
                client = client.transport(transport.clone());
            }
            client.build()
        })
    }

    /// Model bytes from customers' buckets: sessions, probe, streaming reader. Keys are found as AWS's own
    /// tools find them; set more on the builder that comes back.
    #[cfg(feature = "s3")]
    pub fn storage(&self) -> cube_sdk_byo::StorageBuilder {
        cube_sdk_byo::Storage::builder()
    }

    /// Tunnels to in-cluster apps, by `CUBE_CLOUD_URL` and `CUBE_API_KEY`; what is missing is told when a tunnel is
    /// opened. Every call gives the same registry of running tunnels.
    #[cfg(feature = "teleport")]
    pub fn tunnels(&self) -> cube_sdk_teleport::Tunnels {
        let settings = &self.0.settings;
        let make = || cube_sdk_teleport::Tunnels::builder().environment(&settings.environment).build_unchecked();
        self.0.tunnels.get_or_init(make).clone()
    }

    fn check(&self) -> Result<()> {
        #[cfg(feature = "edgegate")]
        self.edgegate()?;
        #[cfg(feature = "teleport")]
        self.0.settings.environment.url(cube_sdk_teleport::config::CUBE_CLOUD_URL)?;
        #[cfg(feature = "apollo")]
        self.0.settings.environment.url(cube_sdk_apollo::config::URL)?;
        Ok(())
    }
}

/// The client that was made before, or a new one. Two threads may both make one; the first is kept.
fn kept<T: Clone>(place: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let client = make()?;
    Ok(place.get_or_init(|| client).clone())
}

/// The settings of a [`Cube`].
#[derive(Clone)]
#[must_use = "call build"]
pub struct CubeBuilder {
    environment: Environment,
    transport: Option<SharedTransport>,
    retrier: Retrier,
}

impl fmt::Debug for CubeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CubeBuilder").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl CubeBuilder {
    /// These variables in place of the process's own: for tests, and for programs with settings of their own.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// What carries HTTP requests, for every domain.
    pub fn transport(mut self, transport: SharedTransport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Retry policy and budget, shared by every domain.
    pub fn retrier(mut self, retrier: Retrier) -> Self {
        self.retrier = retrier;
        self
    }

    /// The cube. Opens nothing and reads nothing.
    pub fn build(self) -> Cube {
        Cube(Arc::new(Parts {
            settings: self,
            #[cfg(feature = "edgegate")]
            edgegate: OnceLock::new(),
            #[cfg(feature = "apollo")]
            apollo: OnceLock::new(),
            #[cfg(feature = "teleport")]
            tunnels: OnceLock::new(),
        }))
    }
}
