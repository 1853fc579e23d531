//! The endpoints.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::StatusCode;

use super::app::App;
use super::tunnel::{Tunnels, tunnel};
use super::{admin, images, login, mcp, visitors};
use crate::health::{self, Check, Ending};
use crate::refusal::Refusal;
use crate::request_id::with_request_id;

pub(crate) fn router(app: &Arc<App>, tunnels: &Arc<Tunnels>, ending: Ending) -> Router {
    let named = Router::new()
        .merge(login::routes())
        .merge(admin::routes())
        .with_state(Arc::clone(app))
        .merge(mcp::routes(app))
        .merge(images::routes(app.images.clone()))
        .merge(Router::new().route("/tunnel", any(tunnel)).with_state(Arc::clone(tunnels)))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "not served by this server"))
        .layer(middleware::from_fn_with_state(Arc::clone(app), for_us));
    // Probes ask by address, whatever name that has.
    let asked = Arc::clone(app);
    let database: Check = Arc::new(move || {
        let app = Arc::clone(&asked);
        Box::pin(async move { app.store.ping().await })
    });
    let health = health::routes(ending, vec![("database", database)]);
    health.merge(named).layer(middleware::from_fn(with_request_id))
}

/// A request for another host is refused: a page elsewhere may have given a name of its own to our address.
async fn for_us(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !visitors::is_for_us(&parts, &app.settings.url, &app.settings.hosts) {
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, "this server does not answer to that host")
            .into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}
