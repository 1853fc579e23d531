//! `/healthz` and `/readyz`, for whoever starts and stops the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cube_sdk_core::Result;
use futures_util::future::BoxFuture;
use http::StatusCode;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

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

/// The process lives; it is ready once `check` finds that what it stands on answers, until it is about to end.
pub(crate) fn routes(
    ending: Ending,
    check: impl Fn() -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
) -> Router {
    let check: Check = Arc::new(check);
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state((ending, check))
}

async fn ready(State((ending, check)): State<(Ending, Check)>) -> Response {
    if ending.has_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "about to end\n").into_response();
    }
    match check().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}
