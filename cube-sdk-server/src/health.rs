//! `/healthz` and `/readyz`, for whoever starts and stops the service.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cube_sdk_core::Result;
use futures_util::future::BoxFuture;
use http::StatusCode;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The process lives; it is ready once `check` finds that what it stands on answers.
pub(crate) fn routes(check: impl Fn() -> BoxFuture<'static, Result<()>> + Send + Sync + 'static) -> Router {
    let check: Check = Arc::new(check);
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).with_state(check)
}

async fn ready(State(check): State<Check>) -> Response {
    match check().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}
