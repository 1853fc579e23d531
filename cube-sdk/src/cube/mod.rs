//! The one thing that a program makes: it holds the settings and opens the domains' doors.

mod builder;
#[cfg(any(feature = "byo", feature = "apollo", feature = "teleport"))]
mod door;

use std::fmt;
use std::sync::Arc;

pub use builder::CubeBuilder;
use cube_sdk_core::Result;
use cube_sdk_core::settings::{Described, Settings};

#[cfg(any(feature = "byo", feature = "apollo", feature = "teleport"))]
use door::Door;

/// The door to every service. Cheap to clone; clones share connections, credentials and retry budgets.
///
/// Making one does no I/O. Each domain's client is made when its door is first opened, with the settings of the cube, and
/// kept. What only one domain knows is set on its builder: `cube.storage_builder().session_duration(…).build()?`.
///
/// ```
/// use cube_sdk::core::config::Environment;
/// use cube_sdk::prelude::*;
///
/// let cube = Cube::builder()
///     .environment(Environment::from_pairs([("EDGEGATE_API_URL", "https://edgegate.example/")]))
///     .application("fleet-report", "1.4.0")
///     .build();
/// assert_eq!(cube.edgegate()?.base_url().as_str(), "https://edgegate.example/");
/// for setting in cube.describe()? {
///     println!("{setting}"); // name, value and where it came from; no secrets
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Cube(Arc<Parts>);

struct Parts {
    settings: Settings,
    #[cfg(feature = "byo")]
    edgegate: Door<cube_sdk_byo::EdgeGate>,
    #[cfg(feature = "s3")]
    storage: Door<cube_sdk_byo::Storage>,
    #[cfg(feature = "apollo")]
    apollo: Door<cube_sdk_apollo::Apollo>,
    #[cfg(feature = "teleport")]
    tunnels: Door<cube_sdk_teleport::Tunnels>,
    #[cfg(feature = "cloud")]
    cloud: Door<crate::cloud::Cloud>,
}

impl fmt::Debug for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cube").field(&self.0.settings).finish()
    }
}

impl Cube {
    /// From the process's environment; [`guides::environment`](crate::guides::environment) lists the variables.
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
        CubeBuilder::default()
    }

    fn new(settings: Settings) -> Self {
        Self(Arc::new(Parts {
            settings,
            #[cfg(feature = "byo")]
            edgegate: Door::default(),
            #[cfg(feature = "s3")]
            storage: Door::default(),
            #[cfg(feature = "apollo")]
            apollo: Door::default(),
            #[cfg(feature = "teleport")]
            tunnels: Door::default(),
            #[cfg(feature = "cloud")]
            cloud: Door::default(),
        }))
    }

    /// What the cube was set up with: each setting that every domain shares, its value and where it came from. Secrets are
    /// not shown.
    ///
    /// # Errors
    /// `Config`, naming the setting, when one cannot be used.
    pub fn describe(&self) -> Result<Vec<Described>> {
        Ok(self.0.settings.ground()?.describe())
    }

    /// EdgeGate: workspaces, BYO storage, artifacts, pipelines, runs, audit.
    ///
    /// # Errors
    /// `Config`, naming the variable, when `EDGEGATE_API_URL` or `EDGEGATE_API_KEY` cannot be used.
    #[cfg(feature = "byo")]
    pub fn edgegate(&self) -> Result<cube_sdk_byo::EdgeGate> {
        self.0.edgegate.open(|| self.edgegate_builder().build())
    }

    /// A builder of an EdgeGate client of its own, with the cube's settings.
    #[cfg(feature = "byo")]
    pub fn edgegate_builder(&self) -> cube_sdk_byo::EdgeGateBuilder {
        cube_sdk_byo::EdgeGate::builder().settings(self.0.settings.clone())
    }

    /// Model bytes from customers' buckets: sessions, probe, streaming reader. Keys are found as AWS's own tools find
    /// them, by the cube's environment.
    ///
    /// # Errors
    /// `Config`, naming the variable, when an endpoint or another setting cannot be used. Missing keys are told at the
    /// first call.
    #[cfg(feature = "s3")]
    pub fn storage(&self) -> Result<cube_sdk_byo::Storage> {
        self.0.storage.open(|| self.storage_builder().build())
    }

    /// A builder of a storage of its own, with the cube's settings: keys, endpoints, audit, session duration.
    #[cfg(feature = "s3")]
    pub fn storage_builder(&self) -> cube_sdk_byo::StorageBuilder {
        cube_sdk_byo::Storage::builder().settings(self.0.settings.clone())
    }

    /// Palantir Apollo: environments, entities, plans, modules, products, channels, change requests.
    ///
    /// # Errors
    /// `Config`, naming the variable, when `CUBE_APOLLO_CLIENT_ID` or `CUBE_APOLLO_CLIENT_SECRET` is missing or
    /// `CUBE_APOLLO_URL` cannot be used.
    #[cfg(feature = "apollo")]
    pub fn apollo(&self) -> Result<cube_sdk_apollo::Apollo> {
        self.0.apollo.open(|| self.apollo_builder().build())
    }

    /// A builder of an Apollo client of its own, with the cube's settings.
    #[cfg(feature = "apollo")]
    pub fn apollo_builder(&self) -> cube_sdk_apollo::ApolloBuilder {
        cube_sdk_apollo::Apollo::builder().settings(self.0.settings.clone())
    }

    /// Tunnels to in-cluster apps, by `CUBE_CLOUD_URL` and `CUBE_API_KEY`; with feature `cloud` also by the public cube-cloud
    /// and the key of a login. Every call gives the same registry of running tunnels.
    ///
    /// # Errors
    /// `Config`, naming the variable, when the URL or the key cannot be used. What is missing is told when a tunnel is
    /// opened.
    #[cfg(feature = "teleport")]
    pub fn tunnels(&self) -> Result<cube_sdk_teleport::Tunnels> {
        self.0.tunnels.open(|| self.tunnels_builder().build())
    }

    /// A builder of tunnels of their own, with the cube's settings.
    #[cfg(feature = "teleport")]
    pub fn tunnels_builder(&self) -> cube_sdk_teleport::TunnelsBuilder {
        let tunnels = cube_sdk_teleport::Tunnels::builder().settings(self.0.settings.clone());
        #[cfg(feature = "cloud")]
        let tunnels = match self.0.settings.ground() {
            Ok(ground) => crate::apps::by_cloud(tunnels, ground.environment()),
            // Told when they are built.
            Err(_) => tunnels,
        };
        tunnels
    }

    /// cube-cloud: its tools, typed and by name.
    ///
    /// # Errors
    /// `Config`, naming the variable, when `CUBE_CLOUD_URL` or `CUBE_API_KEY` cannot be used. A missing key is told at the
    /// first call.
    #[cfg(feature = "cloud")]
    pub fn cloud(&self) -> Result<crate::cloud::Cloud> {
        self.0.cloud.open(|| self.cloud_builder().build())
    }

    /// A builder of a cube-cloud client of its own, with the cube's settings.
    #[cfg(feature = "cloud")]
    pub fn cloud_builder(&self) -> crate::cloud::CloudBuilder {
        crate::cloud::Cloud::builder().settings(self.0.settings.clone())
    }

    /// Login, logout and status at cube-cloud.
    ///
    /// # Errors
    /// As [`Self::cloud`].
    #[cfg(feature = "cloud")]
    pub fn auth(&self) -> Result<crate::auth::Auth> {
        Ok(crate::auth::Auth::new(self.cloud()?))
    }

    /// Apps in clusters, through cube-cloud's tunnels: the registry of [`Self::tunnels`].
    ///
    /// # Errors
    /// As [`Self::cloud`] and [`Self::tunnels`].
    #[cfg(feature = "cloud")]
    pub fn apps(&self) -> Result<crate::apps::Apps> {
        Ok(crate::apps::Apps::new(self.cloud()?, self.tunnels()?))
    }

    /// Clusters by way of cube-cloud, and the user's own kubeconfig.
    ///
    /// # Errors
    /// As [`Self::cloud`].
    #[cfg(feature = "kube")]
    pub fn kube(&self) -> Result<crate::kube::Kube> {
        Ok(crate::kube::Kube::new(self.cloud()?))
    }

    fn check(&self) -> Result<()> {
        let ground = self.0.settings.ground()?;
        #[cfg(feature = "byo")]
        self.edgegate()?;
        #[cfg(all(feature = "teleport", not(feature = "cloud")))]
        ground.environment().url(cube_sdk_teleport::config::CUBE_CLOUD_URL)?;
        #[cfg(feature = "cloud")]
        self.cloud()?;
        #[cfg(feature = "apollo")]
        ground.environment().url(cube_sdk_apollo::config::URL)?;
        drop(ground);
        Ok(())
    }
}
