//! Sign-in at a provider, in the middle of a login: there and back, in one browser.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use cube_sdk_core::secret::{ExposeSecret, SecretString};
use cube_sdk_core::{Error, ErrorKind, Result};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::browser::{Browser, Visitor};
use super::page::Page;
use super::session_id::SessionId;
use super::{gone, seal, shown, signed_in, slowed};
use crate::cloud::api_keys::{checked, hash};
use crate::cloud::app::App;
use crate::cloud::oidc::{Proof, Provider};
use crate::cloud::visitors::Place;
use crate::store::Time;
use crate::store::cloud::{NewSignIn, SessionState};

/// How long a sign-in may take.
const LIFE: Duration = Duration::from_secs(600);
const SIGN_IN: &str = "cube-cloud: sign-in at a provider";

#[derive(Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    token: String,
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    state: String,
    code: Option<SecretString>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Sealed {
    session_id: String,
    nonce: String,
    verifier: String,
}

/// `GET /auth/oidc`: sends the browser to the provider. By a link and not by a form: a policy that keeps forms here would
/// keep the browser from following.
pub(super) async fn start(State(app): State<Arc<App>>, Query(asked): Query<Start>, visitor: Visitor) -> Response {
    let (Some(id), Some(provider)) = (SessionId::new(&asked.session_id), &app.provider) else {
        return Page::NoLogin.response(StatusCode::BAD_REQUEST);
    };
    if let Err(wait) = app.opened.take(Place::of(visitor.address)) {
        return slowed(wait);
    }
    let browser = visitor.browser().filter(|browser| browser.made(&asked.token, "login", &id));
    let Some(browser) = browser.filter(|_| visitor.same_origin) else {
        return Page::ForeignForm.response(StatusCode::FORBIDDEN);
    };
    shown(sent(&app, provider, &id, &browser).await)
}

async fn sent(app: &App, provider: &Provider, id: &SessionId, browser: &Browser) -> Result<Response> {
    let now = app.now();
    let row = app.store.cloud_session(&id.hash()).await?;
    if row.is_none_or(|row| row.state != SessionState::Opened || now >= row.expires_at) {
        return Ok(gone());
    }
    let begun = match provider.begin().await {
        Ok(begun) => begun,
        Err(error) => return Ok(unavailable(id, &error)),
    };
    let sealed = Sealed {
        session_id: id.expose().to_owned(),
        nonce: begun.proof.nonce.expose_secret().to_owned(),
        verifier: begun.proof.verifier.expose_secret().to_owned(),
    };
    let sealed = serde_json::to_string(&sealed)
        .map_err(|cause| Error::new(ErrorKind::Io, "keeping a sign-in failed").cause(cause))?;
    let state = begun.state.expose_secret();
    let new = NewSignIn {
        state: hash(state),
        browser: browser.hash(),
        sealed: seal::seal(state, SIGN_IN, &SecretString::from(sealed))?,
        expires_at: Time::from(now.0.saturating_add(LIFE)),
    };
    app.store.begin_cloud_sign_in(&new, now).await?;
    let mut response = Page::Elsewhere.response(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(begun.url.as_str())
        .map_err(|cause| Error::new(ErrorKind::Config, "the provider's address cannot be sent").cause(cause))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `GET /auth/callback`: the browser comes back.
pub(super) async fn back(State(app): State<Arc<App>>, Query(back): Query<Back>, visitor: Visitor) -> Response {
    let Some(provider) = &app.provider else { return Page::NoLogin.response(StatusCode::BAD_REQUEST) };
    if let Err(wait) = app.opened.take(Place::of(visitor.address)) {
        return slowed(wait);
    }
    let Some(browser) = visitor.browser() else { return Page::OtherBrowser.response(StatusCode::CONFLICT) };
    shown(ended(&app, provider, back, &visitor, &browser).await)
}

async fn ended(app: &App, provider: &Provider, back: Back, visitor: &Visitor, browser: &Browser) -> Result<Response> {
    // Out it goes whatever comes next: a state is good once.
    let Some(sealed) = app.store.end_cloud_sign_in(&hash(&back.state), &browser.hash(), app.now()).await? else {
        return Ok(Page::ForeignForm.response(StatusCode::FORBIDDEN));
    };
    let sealed = seal::open(&back.state, SIGN_IN, &sealed)?;
    let sealed: Sealed = serde_json::from_str(sealed.expose_secret())
        .map_err(|_| Error::new(ErrorKind::Decode, "a sign-in that was kept cannot be read"))?;
    let Some(id) = SessionId::new(&sealed.session_id) else { return Ok(gone()) };
    let proof = Proof { nonce: sealed.nonce.into(), verifier: sealed.verifier.into() };
    if let Err(error) = provider.check_issuer(back.iss.as_deref()).await {
        return Ok(refused(app, &id, &error));
    }
    if let Some(word) = back.error {
        let words = back.error_description.unwrap_or_default();
        tracing::warn!(error = %word.escape_debug(), "the provider refused a sign-in");
        return Ok(
            Page::Provider { id: &id, word: &short(&word), words: &short(&words) }.response(StatusCode::FORBIDDEN)
        );
    }
    let Some(code) = back.code else { return Ok(Page::ForeignForm.response(StatusCode::FORBIDDEN)) };
    let person = match provider.finish(&code, &proof).await {
        Ok(person) => person,
        Err(error) => return Ok(refused(app, &id, &error)),
    };
    let Ok(name) = checked(&person.name) else {
        return Ok(Page::Provider { id: &id, word: "your name there cannot be used here", words: "" }
            .response(StatusCode::FORBIDDEN));
    };
    if !app.store.keep_provider_user(&name, &person.groups, provider.issuer(), app.now()).await? {
        tracing::warn!(user = name, "a provider spoke for a name that belongs to somebody else");
        let words = "Ask the one who runs the service.";
        return Ok(Page::Provider { id: &id, word: "your name belongs to another user here", words }
            .response(StatusCode::FORBIDDEN));
    }
    tracing::info!(user = name, address = %visitor.address, "signed in at the provider");
    signed_in(app, &id, visitor, &name, &person.groups).await
}

/// A proof that is none is told; everything else is the provider's or its way's fault.
fn refused(app: &App, id: &SessionId, error: &Error) -> Response {
    if error.kind() != ErrorKind::PermissionDenied || error.status().is_some() {
        return unavailable(id, error);
    }
    app.counted.login("provider_refused");
    tracing::warn!(%error, "a sign-in at the provider proves nothing");
    Page::Provider { id, word: error.message(), words: "" }.response(StatusCode::FORBIDDEN)
}

fn unavailable(id: &SessionId, error: &Error) -> Response {
    tracing::error!(%error, cause = ?std::error::Error::source(error), "the provider did not confirm a sign-in");
    let words = "Try again; if it stays, tell the one who runs the service.";
    Page::Provider { id, word: "it did not confirm your sign-in", words }.response(StatusCode::BAD_GATEWAY)
}

/// What somebody else wrote, fit for a page.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
