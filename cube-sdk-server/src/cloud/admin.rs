//! Keys over HTTP, for profiles that administer: the same as the command line.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cube_sdk_core::secret::ExposeSecret;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api_keys::ListedKey;
use super::app::App;
use super::caller::caller;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Whose {
    owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    owner: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    label: String,
    days: Option<u32>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    prefix: String,
    owner: String,
    profile: Option<String>,
    label: String,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/keys", get(list).post(create).delete(revoke_all))
        .route("/admin/keys/{id}", axum::routing::delete(revoke))
}

async fn administrator(app: &App, headers: &HeaderMap, what: &str) -> Result<(), Refusal> {
    let caller = caller(app, headers).await?;
    caller.may_administer(what).map_err(|denied| Refusal::forbidden(denied.to_string()))
}

fn shown(app: &App, key: ListedKey) -> Key {
    let profile = app.settings.profiles.of(&key.groups).map(|profile| profile.name.clone());
    let text = |time: cube_sdk_core::Timestamp| time.to_string();
    Key {
        id: key.id,
        prefix: key.prefix,
        owner: key.owner,
        profile,
        label: key.label,
        created_at: text(key.created_at),
        expires_at: key.expires_at.map(text),
        revoked_at: key.revoked_at.map(text),
        last_used_at: key.last_used_at.map(text),
    }
}

async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(whose): Query<Whose>,
) -> Result<Response, Refusal> {
    administrator(&app, &headers, "list keys").await?;
    let keys = app.administered.list_keys(whose.owner.as_deref()).await.map_err(Refusal::of)?;
    Ok(Json(keys.into_iter().map(|key| shown(&app, key)).collect::<Vec<_>>()).into_response())
}

async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: String) -> Result<Response, Refusal> {
    administrator(&app, &headers, "create a key").await?;
    let new: NewKey = serde_json::from_str(&body).map_err(|fault| Refusal::invalid(format!("body: {fault}")))?;
    let life = new.days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    let made =
        app.administered.create_key(&new.owner, &new.groups, &new.label, life, app.clock).await.map_err(Refusal::of)?;
    let answer = json!({ "id": made.id, "api_key": made.api_key.expose_secret() });
    Ok((StatusCode::CREATED, [("cache-control", "no-store")], Json(answer)).into_response())
}

async fn revoke(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    administrator(&app, &headers, "revoke a key").await?;
    app.administered.revoke_key_by_id(&id, app.clock).await.map_err(Refusal::of)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(whose): Query<Whose>,
) -> Result<Response, Refusal> {
    administrator(&app, &headers, "revoke the keys of an owner").await?;
    let owner = whose.owner.ok_or_else(|| Refusal::invalid("name the owner: ?owner=NAME"))?;
    let revoked = app.administered.revoke_keys_of(&owner, app.clock).await.map_err(Refusal::of)?;
    Ok(Json(json!({ "revoked": revoked })).into_response())
}
