//! Figures for Prometheus: what the services count, served apart from what they serve.

mod http;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{StatusCode, header};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::http::Http;

/// What is counted, for all services that were given it. Cheap to clone; clones are the same figures.
///
/// Every label has few values: names of routes and tools, methods, statuses, outcomes; never a key, a user or an address
/// of a client. Figures are served where the operator says, and not among the endpoints of a service.
///
/// ```
/// use cube_sdk_server::listener::Listener;
/// use cube_sdk_server::metrics::Metrics;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let metrics = Metrics::new(); // CloudService::builder(…).metrics(metrics.clone())
/// let listener = Listener::bind(([127, 0, 0, 1], 0).into(), metrics.router()).await?;
/// println!("{}/metrics", listener.url());
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Parts>);

struct Parts {
    registry: Mutex<Registry>,
    http: Http,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("cube");
        let http = Http::new(&mut registry);
        Self(Arc::new(Parts { registry: Mutex::new(registry), http }))
    }

    /// `GET /metrics`, in the text format of OpenMetrics. There is no key before it: serve it where only the collector
    /// comes.
    pub fn router(&self) -> Router {
        Router::new().route("/metrics", get(show)).with_state(self.clone())
    }

    /// Adds figures of a room.
    pub(crate) fn register(&self, fill: impl FnOnce(&mut Registry)) {
        fill(&mut self.0.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A router whose requests are counted.
    pub(crate) fn counted(&self, router: Router) -> Router {
        self.0.http.counted(router)
    }
}

/// From a millisecond to two minutes.
pub(crate) fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 18))
}

async fn show(State(metrics): State<Metrics>) -> Response {
    let mut text = String::new();
    let registry = metrics.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
