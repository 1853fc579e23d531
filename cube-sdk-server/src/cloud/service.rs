//! The whole service in one handle.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cube_sdk_core::{Clock, Result};
use tokio::task::JoinHandle;

use super::app::App;
use super::router::router;
use super::settings::CloudSettings;
use super::tunnel::Tunnels;
use crate::health::Ending;
use crate::lasting::lasting;
use crate::metrics::Metrics;
use crate::store::CloudStore;

/// How often keys that were handed out are forgotten.
const TIDY: Duration = Duration::from_secs(5);

/// cube-cloud: browser login, API keys, the MCP endpoint and its tools, and tunnels.
///
/// Several may run on one database, in one process or many. Dropping it stops the background work; the router goes on to
/// answer, and open tunnels end with the last clone of it.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::Clock;
/// use cube_sdk_server::cloud::{CloudService, CloudSettings};
/// use cube_sdk_server::listener::Listener;
/// use cube_sdk_server::store::Store;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = Store::open(&dir.path().join("cloud.sqlite")).await?;
/// let settings = CloudSettings::from_yaml("url: http://localhost\nprofiles: { all: { groups: [admin] } }")?;
/// let key = store.create_key("ops", &["admin".to_owned()], "first", None, Clock::system()).await?;
/// let service = CloudService::builder(store, settings).start()?;
/// let listener = Listener::bind(([127, 0, 0, 1], 0).into(), service.router()).await?;
/// println!("{} takes {:?}", listener.url(), key.api_key);
/// // At the end: the balancer first, then answers in progress, then tunnels and the database.
/// service.unready();
/// listener.shutdown(Duration::from_secs(30)).await;
/// service.shutdown(Duration::from_secs(30)).await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
pub struct CloudService {
    router: Router,
    store: CloudStore,
    tunnels: Arc<Tunnels>,
    ending: Ending,
    tidier: JoinHandle<()>,
}

/// Sets up a [`CloudService`].
///
/// ```
/// use cube_sdk_server::cloud::{CloudService, CloudSettings};
/// use cube_sdk_server::metrics::Metrics;
/// use cube_sdk_server::store::Store;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = Store::open(&dir.path().join("cloud.sqlite")).await?;
/// let settings = CloudSettings::from_yaml("url: http://localhost\nprofiles: { all: { groups: [admin] } }")?;
/// let metrics = Metrics::new();
/// let service = CloudService::builder(store, settings).metrics(metrics.clone()).start()?;
/// let app = service.router().merge(metrics.router()); // or on a listener of their own
/// # let _ = app;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use]
pub struct CloudServiceBuilder {
    store: CloudStore,
    settings: CloudSettings,
    clock: Clock,
    metrics: Metrics,
}

impl CloudService {
    /// A service over a [`Store`](crate::store::Store), or any other [`CloudStore`].
    pub fn builder(store: impl Into<CloudStore>, settings: CloudSettings) -> CloudServiceBuilder {
        CloudServiceBuilder { store: store.into(), settings, clock: Clock::system(), metrics: Metrics::new() }
    }

    /// The endpoints, to be served by [`Listener`](crate::listener::Listener), or by a server that tells the peer's
    /// address as `ConnectInfo<SocketAddr>`.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// From now on `/readyz` answers 503, so that a balancer sends no more; all else is answered as before. Give it the
    /// time to notice before the port is closed.
    pub fn unready(&self) {
        self.ending.begin();
    }

    /// Ends tunnels: no new ones, open streams may end for `grace`; then the database is closed.
    pub async fn shutdown(mut self, grace: Duration) {
        self.tunnels.drain(grace).await;
        self.tidier.abort();
        let _ = (&mut self.tidier).await;
        self.store.close().await;
    }
}

impl Drop for CloudService {
    fn drop(&mut self) {
        self.tidier.abort();
    }
}

impl std::fmt::Debug for CloudService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudService").field("store", &self.store).finish_non_exhaustive()
    }
}

impl CloudServiceBuilder {
    /// The clock of all times that are stored and compared.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where calls, logins, look-ups of keys and tunnels are counted. Default: nowhere that anyone sees.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Starts the background work. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Config` when a profile's Apollo client cannot be made.
    pub fn start(self) -> Result<CloudService> {
        let app = Arc::new(App::new(self.store.clone(), self.clock, self.settings, &self.metrics)?);
        let tunnels = Arc::new(Tunnels::new(&app, &self.metrics));
        let ending = Ending::default();
        let router = self.metrics.counted(router(&app, &tunnels, ending.clone()));
        let tidier = tokio::spawn(lasting("forgetting sealed keys", move || tidy_forever(Arc::clone(&app))));
        Ok(CloudService { router, store: self.store, tunnels, ending, tidier })
    }
}

async fn tidy_forever(app: Arc<App>) {
    loop {
        tokio::time::sleep(TIDY).await;
        if let Err(error) = app.store.forget_sealed_keys(app.now()).await {
            tracing::warn!(%error, "keys that were handed out were not forgotten");
        }
    }
}

impl std::fmt::Debug for CloudServiceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudServiceBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
