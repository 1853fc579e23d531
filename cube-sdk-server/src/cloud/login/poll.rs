//! `GET /auth/session/{id}`: the client that waits for its key.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cube_sdk_core::Result;
use cube_sdk_core::secret::ExposeSecret;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::browser::Visitor;
use super::seal;
use super::session_id::SessionId;
use crate::cloud::api_keys;
use crate::cloud::app::App;
use crate::cloud::visitors::Place;
use crate::store::Time;
use crate::store::cloud::{Redeemed, SessionRow, SessionState};

/// How long a key that was handed out can be asked for again by whoever has the id: a reply may be lost.
const AGAIN: Duration = Duration::from_secs(30);

pub(crate) async fn poll(State(app): State<Arc<App>>, Path(id): Path<String>, visitor: Visitor) -> Response {
    if let Err(wait) = app.polls.take(Place::of(visitor.address)) {
        return later(wait);
    }
    let Some(id) = SessionId::new(&id) else { return said(StatusCode::BAD_REQUEST, "invalid") };
    match answer(&app, &id, &visitor).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a poll of a login failed");
            said(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    }
}

async fn answer(app: &App, id: &SessionId, visitor: &Visitor) -> Result<Response> {
    // An id that no browser has opened is nobody's yet, and nothing is stored for it.
    let Some(row) = app.store.cloud_session(&id.hash()).await? else {
        return Ok(said(StatusCode::ACCEPTED, "pending"));
    };
    let now = app.now();
    match row.state {
        SessionState::Denied => Ok(said(StatusCode::FORBIDDEN, "denied")),
        SessionState::Opened | SessionState::SignedIn if now < row.expires_at => {
            note(app, id, &row, visitor).await?;
            Ok(said(StatusCode::ACCEPTED, "pending"))
        }
        SessionState::Opened | SessionState::SignedIn => Ok(said(StatusCode::NOT_FOUND, "expired")),
        SessionState::Allowed | SessionState::Used => redeem(app, id, &row).await,
    }
}

/// The page shows who waits; the same one again changes nothing.
async fn note(app: &App, id: &SessionId, row: &SessionRow, visitor: &Visitor) -> Result<()> {
    let address = visitor.address.to_string();
    let known = row.poll_address.as_deref() == Some(&address) && row.poll_program.as_deref() == Some(&visitor.program);
    if known { Ok(()) } else { app.store.note_cloud_poll(&id.hash(), &address, &visitor.program, app.now()).await }
}

async fn redeem(app: &App, id: &SessionId, row: &SessionRow) -> Result<Response> {
    let now = app.now();
    let end = now.0.saturating_add(app.settings.key_life);
    let owner = row.user.as_deref().unwrap_or_default();
    let minted = api_keys::mint(owner, "browser login", Some(Time::from(end)))?;
    let sealed = seal::seal(id.expose(), seal::KEY_OF_A_LOGIN, &minted.plaintext)?;
    let until = Time::from(now.0.saturating_add(AGAIN));
    let key = match app.store.redeem_cloud_session(&id.hash(), &minted.row, &sealed, until, now).await? {
        Redeemed::Minted => {
            app.counted.login("key_given");
            let profile = row.profile.as_deref().unwrap_or_default();
            tracing::info!(owner, profile, key = %minted.row.prefix, "a login gave a key");
            minted.plaintext
        }
        Redeemed::Again(sealed) => seal::open(id.expose(), seal::KEY_OF_A_LOGIN, &sealed)?,
        Redeemed::Used => return Ok(said(StatusCode::GONE, "used")),
        Redeemed::NotReady => return Ok(said(StatusCode::NOT_FOUND, "expired")),
    };
    let ready = json!({ "status": "ready", "api_key": key.expose_secret() });
    Ok(unstored((StatusCode::OK, Json(ready)).into_response()))
}

fn said(status: StatusCode, word: &str) -> Response {
    unstored((status, Json(json!({ "status": word }))).into_response())
}

fn later(wait: Duration) -> Response {
    let mut response = said(StatusCode::TOO_MANY_REQUESTS, "slow down");
    response.headers_mut().insert(header::RETRY_AFTER, seconds(wait));
    response
}

/// Whole seconds, rounded up.
pub(super) fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
