//! The whole service in one handle.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cube_sdk_byo::Storage;
use cube_sdk_byo::audit::Recorder;
use cube_sdk_core::file_claim::FileClaim;
use cube_sdk_core::{Clock, Result};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::app::App;
use super::counted::{Counted, OfAudit};
use super::executor::{CellExecutor, StreamingExecutor};
use super::limits::WorkspaceLimits;
use super::probes::Probes;
use super::settings::OperatorSettings;
use super::{grants, news, readiness, recording, router, runs};
use crate::health::Ending;
use crate::lasting::lasting;
use crate::metrics::Metrics;
use crate::store::{EdgeGateStore, Id};

/// How often grants are probed again.
const REPROBE_EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// How long the end of the service waits for calls that were given up: longer than their first-byte clock.
const AUDIT_GRACE: Duration = Duration::from_secs(30);
/// How many runs are executed at once; each may hold the reader's memory budget.
const CONCURRENT_RUNS: usize = 4;

/// The EdgeGate BYO service: a router, a runner and the probe of every six hours.
///
/// Dropping it stops the background work at once; runs in flight are then ended as `error` by the next start, as after
/// kill -9, and queued ones are executed by it. [`shutdown`](Self::shutdown) lets them finish. The router goes on to answer what it can without them.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::Storage;
/// use cube_sdk_server::edgegate::EdgeGateService;
/// use cube_sdk_server::listener::Listener;
/// use cube_sdk_server::store::Store;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// # let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")];
/// # let environment = cube_sdk_core::config::Environment::from_pairs(keys);
/// let aws = Storage::builder().environment(environment).build()?; // else the process's own
/// let store = Store::open(&dir.path().join("edgegate.sqlite")).await?;
/// let service = EdgeGateService::builder(store, aws).start().await?;
/// let listener = Listener::bind(([127, 0, 0, 1], 0).into(), service.router()).await?;
/// println!("EdgeGate at {}", listener.url());
/// listener.shutdown(Duration::from_secs(5)).await;
/// service.shutdown(Duration::from_secs(5)).await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
pub struct EdgeGateService {
    router: Router,
    app: Arc<App>,
    recorder: Recorder,
    ending: Ending,
    stop: watch::Sender<bool>,
    runner: JoinHandle<()>,
    prober: JoinHandle<()>,
    listener: JoinHandle<()>,
    /// Keeps other services off a database that is one process's.
    _claim: Option<FileClaim>,
}

/// Sets up an [`EdgeGateService`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::Storage;
/// use cube_sdk_server::edgegate::{EdgeGateService, OperatorSettings};
/// use cube_sdk_server::store::Store;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// # let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")];
/// # let environment = cube_sdk_core::config::Environment::from_pairs(keys);
/// let aws = Storage::builder().environment(environment).build()?; // else the process's own
/// let store = Store::open(&dir.path().join("edgegate.sqlite")).await?;
/// let worker = "arn:aws:iam::123456789012:user/edgegate-worker".parse()?; // whom the storage's keys belong to
/// let service = EdgeGateService::builder(store, aws)
///     .settings(OperatorSettings::for_principal(&worker))
///     .hostname("worker-1")
///     .concurrent_runs(8)
///     .start()
///     .await?;
/// service.shutdown(Duration::from_secs(5)).await;
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[must_use]
pub struct EdgeGateServiceBuilder {
    store: EdgeGateStore,
    aws: Storage,
    clock: Clock,
    settings: OperatorSettings,
    executor: Arc<dyn CellExecutor>,
    limits: WorkspaceLimits,
    hostname: Option<String>,
    reprobe_every: Duration,
    concurrent_runs: usize,
    metrics: Metrics,
}

impl EdgeGateService {
    /// A service over a database and a way into customers' buckets, with EdgeGate's own keys. Audit rows go into the
    /// database, whatever recorder the storage has.
    pub fn builder(store: impl Into<EdgeGateStore>, aws: Storage) -> EdgeGateServiceBuilder {
        EdgeGateServiceBuilder {
            store: store.into(),
            aws,
            clock: Clock::system(),
            settings: OperatorSettings::default(),
            executor: Arc::new(StreamingExecutor),
            limits: WorkspaceLimits::default(),
            hostname: None,
            reprobe_every: REPROBE_EVERY,
            concurrent_runs: CONCURRENT_RUNS,
            metrics: Metrics::new(),
        }
    }

    /// The endpoints, to be mounted or served.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// From now on `/readyz` answers 503, so that a balancer sends no more; all else is answered as before. Give it the
    /// time to notice before the port is closed.
    pub fn unready(&self) {
        self.ending.begin();
    }

    /// Starts no more runs, waits up to `grace` for those in flight, then stops; what is left is ended as `error` by
    /// the next start. Calls to AWS that were given up are waited for, up to 30 s, so that each has its audit row; then
    /// the database is closed.
    pub async fn shutdown(mut self, grace: Duration) {
        self.stop.send_replace(true);
        if tokio::time::timeout(grace, &mut self.runner).await.is_err() {
            self.runner.abort();
            let _ = (&mut self.runner).await;
        }
        self.prober.abort();
        let _ = (&mut self.prober).await;
        let _ = (&mut self.listener).await;
        if let Err(error) = runs::give_up(&self.app).await {
            tracing::warn!(%error, "runs that were not finished are held until their lease ends");
        }
        match tokio::time::timeout(AUDIT_GRACE, self.recorder.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "audit rows were lost at the end of the service"),
            Err(_) => tracing::error!("calls to AWS did not end in time: their audit rows are lost"),
        }
        self.app.store.close().await;
    }
}

impl Drop for EdgeGateService {
    fn drop(&mut self) {
        self.runner.abort();
        self.prober.abort();
        self.listener.abort();
    }
}

impl EdgeGateServiceBuilder {
    /// The clock of all times that are stored and compared.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// EdgeGate's own AWS identity and links.
    pub fn settings(mut self, settings: OperatorSettings) -> Self {
        self.settings = settings;
        self
    }

    /// What one workspace may have under way.
    pub fn limits(mut self, limits: WorkspaceLimits) -> Self {
        self.limits = limits;
        self
    }

    /// What executes cells; by default [`StreamingExecutor`].
    pub fn executor(mut self, executor: impl CellExecutor) -> Self {
        self.executor = Arc::new(executor);
        self
    }

    /// The host's name in audit rows.
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.hostname = Some(name.into());
        self
    }

    /// How often grants are probed again; by default every six hours.
    pub fn reprobe_every(mut self, period: Duration) -> Self {
        self.reprobe_every = period;
        self
    }

    /// How many runs are executed at once, each of another workspace; by default 4, at least 1. Others wait `queued`.
    pub fn concurrent_runs(mut self, most: usize) -> Self {
        self.concurrent_runs = most.max(1);
        self
    }

    /// Where requests, runs, cells, bytes, calls to STS and audit rows are counted. Default: nowhere that anyone sees.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Ends what an earlier process left in flight and starts the background work. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Conflict` when another service runs on the database; `Io` when it cannot be read or written.
    pub async fn start(self) -> Result<EdgeGateService> {
        let claim = self.store.claim()?;
        let counted = Counted::new(&self.metrics);
        let recorder = recording::recorder(&self.store, self.hostname.as_deref(), &counted);
        self.metrics.register(|registry| registry.register_collector(Box::new(OfAudit(recorder.clone()))));
        let app = Arc::new(App {
            store: self.store.clone(),
            clock: self.clock,
            settings: self.settings,
            aws: self.aws,
            caller: readiness::cell(self.clock),
            executor: self.executor,
            recorder: recorder.clone(),
            counted,
            probes: Probes::default(),
            wake: Notify::new(),
            probed: Notify::new(),
            holder: Id::random(),
            limits: self.limits,
            concurrent_runs: self.concurrent_runs,
            switches: std::sync::Mutex::default(),
        });
        if claim.is_some() {
            app.store.give_up_leases(None).await?;
            runs::end_interrupted(&app).await?;
        }
        let (stop, stopped) = watch::channel(false);
        let (here, off) = (Arc::clone(&app), stopped.clone());
        let listen = move || news::listen_forever(Arc::clone(&here), off.clone());
        let listener = tokio::spawn(lasting("hearing the other processes", listen));
        let here = Arc::clone(&app);
        let run = move || runs::run_forever(Arc::clone(&here), stopped.clone());
        let runner = tokio::spawn(lasting("executing runs", run));
        let here = Arc::clone(&app);
        let probe = move || grants::reprobe_forever(Arc::clone(&here), self.reprobe_every);
        let prober = tokio::spawn(lasting("probing grants again", probe));
        let ending = Ending::default();
        Ok(EdgeGateService {
            router: self.metrics.counted(router::router(Arc::clone(&app), ending.clone())),
            app,
            recorder,
            ending,
            stop,
            runner,
            prober,
            listener,
            _claim: claim,
        })
    }
}

impl std::fmt::Debug for EdgeGateService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeGateService").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EdgeGateServiceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EdgeGateServiceBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
