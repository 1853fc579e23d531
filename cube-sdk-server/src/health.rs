//! `/healthz` and `/readyz`, for whoever starts and stops the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::future::{BoxFuture, join_all};
use http::StatusCode;

/// The longest that one check is waited for: shorter than who asks waits for the answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks whether something that the service stands on answers. Its error's message is shown to whoever asks.
pub(crate) type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

type Checks = Arc<[(&'static str, Check)]>;

/// Is the service about to end? Then balancers are to send no more, though all is still answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The process lives; it is ready once every check finds that what it stands on answers, until it is about to end.
pub(crate) fn routes(ending: Ending, checks: Vec<(&'static str, Check)>) -> Router {
    let checks: Checks = checks.into();
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state((ending, checks))
}

async fn ready(State((ending, checks)): State<(Ending, Checks)>) -> Response {
    if ending.has_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "about to end\n").into_response();
    }
    let looked = join_all(checks.iter().map(|(what, check)| looked(what, check))).await;
    let wrong: String = looked.into_iter().flatten().collect();
    if wrong.is_empty() { "ready\n".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, wrong).into_response() }
}

/// A line of what is wrong, if anything is.
async fn looked(what: &'static str, check: &Check) -> Option<String> {
    let late = || Error::new(ErrorKind::Timeout, format!("no answer within {} s", LIMIT.as_secs()));
    let error = tokio::time::timeout(LIMIT, check()).await.unwrap_or_else(|_| Err(late())).err()?;
    tracing::error!(%error, what, "not ready");
    Some(format!("not ready: {what}: {} ({})\n", error.message(), error.kind()))
}
