//! Browser login: a page that signs somebody in, shows them who waits, and asks before a key is made.
//!
//! The client that waits makes the id and asks for it ([`poll`]). A browser opens the page with the id, somebody signs in,
//! which binds the login to that browser, and allows it there; the next poll gets the key.

mod browser;
mod page;
mod poll;
#[cfg(feature = "oidc")]
mod provider;
mod seal;
mod session_id;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Form, Router};
use cube_sdk_core::secret::SecretString;
use cube_sdk_core::{Error, Result};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use self::browser::{Browser, Visitor};
use self::page::Page;
use self::session_id::SessionId;
use super::api_keys;
use super::app::App;
use super::visitors::Place;
use crate::store::Time;
use crate::store::cloud::{SessionRow, SessionState};

/// How long a login may take from the first page on.
const LIFE: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    session_id: String,
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: SecretString,
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    decision: String,
}

pub(crate) fn routes() -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/auth/login", get(show).post(sign_in))
        .route("/auth/confirm", get(ask).post(decide))
        .route("/auth/session/{id}", get(poll::poll))
        .route("/auth/style.css", get(page::style));
    #[cfg(feature = "oidc")]
    let routes = routes.route("/auth/oidc", get(provider::start)).route("/auth/callback", get(provider::back));
    routes
}

/// Pages say what happened in words; a fault of the server's own is logged and told as such.
fn shown(outcome: Result<Response>) -> Response {
    outcome.unwrap_or_else(|error: Error| {
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "a login failed");
        Page::Failed.response(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

async fn show(State(app): State<Arc<App>>, Query(asked): Query<Asked>, visitor: Visitor) -> Response {
    let Some(id) = SessionId::new(&asked.session_id) else {
        return Page::NoLogin.response(StatusCode::BAD_REQUEST);
    };
    if let Err(wait) = app.opened.take(Place::of(visitor.address)) {
        return slowed(wait);
    }
    shown(open(&app, &id, &visitor).await)
}

async fn open(app: &App, id: &SessionId, visitor: &Visitor) -> Result<Response> {
    let now = app.now();
    app.store.open_cloud_session(&id.hash(), now, Time::from(now.0.saturating_add(LIFE))).await?;
    let Some(row) = app.store.cloud_session(&id.hash()).await? else { return Ok(gone()) };
    if now >= row.expires_at {
        return Ok(gone());
    }
    match row.state {
        SessionState::Opened => form(app, visitor, id, None),
        SessionState::SignedIn if is_of(&row, visitor.browser().as_ref()) => Ok(see("confirm", id)),
        SessionState::SignedIn => Ok(Page::OtherBrowser.response(StatusCode::CONFLICT)),
        SessionState::Denied => Ok(Page::Denied.response(StatusCode::FORBIDDEN)),
        SessionState::Allowed | SessionState::Used => Ok(Page::Used.response(StatusCode::GONE)),
    }
}

async fn sign_in(State(app): State<Arc<App>>, visitor: Visitor, Form(form): Form<SignIn>) -> Response {
    let Some(id) = SessionId::new(&form.session_id) else {
        return Page::NoLogin.response(StatusCode::BAD_REQUEST);
    };
    let made = visitor.browser().is_some_and(|browser| browser.made(&form.token, "login", &id));
    if !visitor.same_origin || !made || !app.settings.local_users {
        return Page::ForeignForm.response(StatusCode::FORBIDDEN);
    }
    shown(check(&app, &id, &visitor, form).await)
}

async fn check(app: &App, id: &SessionId, visitor: &Visitor, given: SignIn) -> Result<Response> {
    let name = api_keys::folded(&given.username);
    match app.guesses.count(visitor.address, &name) {
        Ok(delay) => tokio::time::sleep(delay).await,
        Err(wait) => return Ok(slowed(wait)),
    }
    let user = app.store.cloud_user(&name).await?;
    let stored = user.as_ref().and_then(|user| user.password.clone());
    if !app.passwords.fits(given.password, stored).await? {
        app.counted.login("wrong_password");
        tracing::warn!(user = name, address = %visitor.address, "a wrong password at a login");
        return form(app, visitor, id, Some(given.username.trim()));
    }
    app.guesses.right(visitor.address, &name);
    let groups = user.map(|user| user.groups).unwrap_or_default();
    signed_in(app, id, visitor, &name, &groups).await
}

/// Binds the login to this user and to a browser that is new: a cookie that was there before is nobody's proof.
async fn signed_in(app: &App, id: &SessionId, visitor: &Visitor, name: &str, groups: &[String]) -> Result<Response> {
    let Some(profile) = app.settings.profiles.of(groups) else {
        app.counted.login("no_profile");
        tracing::warn!(user = name, "signed in, and no profile is for any of their groups");
        app.store.deny_cloud_session(&id.hash()).await?;
        return Ok(Page::NoProfile { user: name }.response(StatusCode::FORBIDDEN));
    };
    let browser = visitor.fresh()?;
    let bound = app.store.sign_in_cloud_session(&id.hash(), name, &profile.name, &browser.hash(), app.now()).await?;
    if !bound {
        return open(app, id, visitor).await;
    }
    app.counted.login("signed_in");
    let mut response = see("confirm", id);
    with_cookie(&mut response, &browser);
    Ok(response)
}

async fn ask(State(app): State<Arc<App>>, Query(asked): Query<Asked>, visitor: Visitor) -> Response {
    let Some(id) = SessionId::new(&asked.session_id) else {
        return Page::NoLogin.response(StatusCode::BAD_REQUEST);
    };
    shown(question(&app, &id, &visitor).await)
}

async fn question(app: &App, id: &SessionId, visitor: &Visitor) -> Result<Response> {
    let row = app.store.cloud_session(&id.hash()).await?;
    let Some(row) = row.filter(|row| app.now() < row.expires_at) else { return Ok(gone()) };
    let browser = visitor.browser();
    let Some(browser) = browser.filter(|browser| is_of(&row, Some(browser))) else {
        return Ok(Page::OtherBrowser.response(StatusCode::CONFLICT));
    };
    Ok(match row.state {
        SessionState::SignedIn => {
            let token = browser.form_token("confirm", id);
            Page::Question { row: &row, id, token: &token }.response(StatusCode::OK)
        }
        SessionState::Denied => Page::Denied.response(StatusCode::FORBIDDEN),
        SessionState::Opened => see("login", id),
        SessionState::Allowed | SessionState::Used => Page::Used.response(StatusCode::GONE),
    })
}

async fn decide(State(app): State<Arc<App>>, visitor: Visitor, Form(form): Form<Decision>) -> Response {
    let Some(id) = SessionId::new(&form.session_id) else {
        return Page::NoLogin.response(StatusCode::BAD_REQUEST);
    };
    let browser = visitor.browser().filter(|browser| browser.made(&form.token, "confirm", &id));
    let Some(browser) = browser.filter(|_| visitor.same_origin) else {
        return Page::ForeignForm.response(StatusCode::FORBIDDEN);
    };
    let allow = form.decision == "allow";
    shown(
        async {
            if app.store.decide_cloud_session(&id.hash(), &browser.hash(), allow, app.now()).await? {
                app.counted.login(if allow { "allowed" } else { "denied" });
                return Ok(if allow { Page::Done } else { Page::Denied }.response(StatusCode::OK));
            }
            question(&app, &id, &visitor).await
        }
        .await,
    )
}

fn is_of(row: &SessionRow, browser: Option<&Browser>) -> bool {
    browser.is_some_and(|browser| row.browser.as_deref() == Some(&browser.hash()))
}

/// The form to sign in; after a password that was wrong with the name that it was tried for.
fn form(app: &App, visitor: &Visitor, id: &SessionId, tried: Option<&str>) -> Result<Response> {
    let status = if tried.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let (browser, is_new) = match visitor.browser() {
        Some(browser) => (browser, false),
        None => (visitor.fresh()?, true),
    };
    let (provider, local) = (app.provider_label(), app.settings.local_users);
    let token = &browser.form_token("login", id);
    let mut response = Page::SignIn { id, token, tried, provider, local }.response(status);
    if is_new {
        with_cookie(&mut response, &browser);
    }
    Ok(response)
}

fn with_cookie(response: &mut Response, browser: &Browser) {
    if let Some(cookie) = browser.set_cookie() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

fn gone() -> Response {
    Page::Expired.response(StatusCode::GONE)
}

fn slowed(wait: Duration) -> Response {
    let mut response = Page::TooMany.response(StatusCode::TOO_MANY_REQUESTS);
    response.headers_mut().insert(header::RETRY_AFTER, poll::seconds(wait));
    response
}

/// Sends the browser to another page of the login, beside this one.
fn see(page: &str, id: &SessionId) -> Response {
    let mut response = Page::Elsewhere.response(StatusCode::SEE_OTHER);
    if let Ok(location) = HeaderValue::from_str(&format!("{page}?session_id={}", id.expose())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
