//! The endpoints. Whatever is not here answers 404 `not served by this server`.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{delete, get, post, put};

use super::app::App;
use super::{
    api_keys, artifacts, audit, contracts, grants, pipelines, promptpacks, readiness, runs, setup_info, workspaces,
};
use crate::health::{self, Ending};
use crate::refusal::Refusal;
use crate::request_id::with_request_id;

pub(crate) fn router(app: Arc<App>, ending: Ending) -> Router {
    let workspace = Router::new()
        .route("/", get(workspaces::show))
        .route("/api-keys", get(api_keys::list).post(api_keys::create))
        .route("/api-keys/{key}", delete(api_keys::revoke))
        .route("/promptpacks", get(promptpacks::list).post(promptpacks::create))
        .route("/promptpacks/{pack}/{version}/publish", put(promptpacks::publish))
        .route("/pipelines", get(pipelines::list).post(pipelines::create))
        .route("/runs", get(runs::list).post(runs::trigger))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/bundle", get(runs::show_bundle))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/artifacts/byo", post(artifacts::register))
        .route("/artifacts/{artifact}", delete(artifacts::delete))
        .route("/artifacts/{artifact}/download", get(artifacts::download))
        .route("/byo-storage/setup-info", get(setup_info::show))
        .route("/byo-storage/audit", get(audit::list))
        .route("/byo-storage/grants", post(grants::create).get(grants::show).delete(grants::disconnect))
        .route("/byo-storage/grants/verify", post(grants::verify))
        .route("/byo-storage/grants/attach-role", post(grants::attach_role))
        .route("/byo-storage/grants/{grant}/rotate-external-id", post(grants::rotate_external_id));
    let health = health::routes(ending, readiness::checks(&app));
    Router::new()
        .route("/v1/_contracts", get(contracts::show))
        .route("/v1/workspaces", get(workspaces::list))
        .nest("/v1/workspaces/{ws}", workspace)
        .fallback(not_served)
        .method_not_allowed_fallback(not_served)
        .layer(middleware::from_fn(with_request_id))
        .with_state(app)
        .merge(health)
}

async fn not_served() -> Refusal {
    Refusal::not_found("not served by this server")
}
