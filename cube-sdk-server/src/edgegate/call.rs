//! One request, read in the service's own order: key, workspace, plan, role, and only then the body.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use axum::http::Request;
use axum::http::request::Parts;
use http::StatusCode;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use super::app::App;
use crate::bearer::bearer;
use crate::listener::{Peer, Stalled};
use crate::refusal::{Answer, Refusal};
use crate::store::{Id, Plan, Role, Time, User, WorkspaceRow};

/// The longest body: a promptpack of 50 prompts of 32 000 characters fits.
const MAX_BODY: usize = 8 << 20;

/// A request whose body is not read yet.
pub(crate) struct Call {
    parts: Parts,
    /// A body is `Send` only; the lock makes the call `Sync`, so that it can be lent across awaits.
    body: Mutex<Body>,
    path: Vec<(String, String)>,
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, app: &Arc<App>) -> Answer<Self> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app)
            .await
            .map_err(|_| Refusal::not_found("the path is not valid UTF-8"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self { parts, body: Mutex::new(body), path })
    }
}

impl Call {
    /// A segment of the path, decoded.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A segment that is an id; anything else names no row.
    pub(crate) fn id(&self, name: &str, what: &str) -> Answer<Id> {
        self.segment(name).parse().map_err(|_| Refusal::not_found(format!("no such {what}")))
    }

    /// A query parameter, decoded; the last one when it is repeated, none when it is empty.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        let found = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).last()?;
        Some(found.1.into_owned()).filter(|value| !value.is_empty())
    }

    /// A query parameter of a type; 422 when it cannot be read.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, form: &str) -> Answer<Option<T>> {
        self.query(name)
            .map(|text| {
                text.parse().map_err(|_| Refusal::invalid(format!("{name}: `{}` is not {form}", text.escape_debug())))
            })
            .transpose()
    }

    /// The query parameter `limit`, within its range.
    pub(crate) fn limit(&self, default: u32, max: u32) -> Answer<u32> {
        let limit = self.parsed("limit", "a whole number")?.unwrap_or(default);
        if (1..=max).contains(&limit) {
            return Ok(limit);
        }
        Err(Refusal::invalid(format!("limit: {limit} is out of range, 1 to {max} are allowed")))
    }

    /// Reads the body as JSON of the wanted shape; 422 with the place of the fault.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Answer<T> {
        let body = self.body.into_inner().unwrap_or_else(PoisonError::into_inner);
        let bytes = axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| unread(&error))?;
        serde_json::from_slice(&bytes).map_err(|fault| Refusal::invalid(format!("body: {fault}")))
    }
}

/// Why a body could not be read.
fn unread(error: &axum::Error) -> Refusal {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    if Stalled::caused(error) {
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come on")
    } else if causes.any(|cause| cause.is::<LengthLimitError>()) {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY} bytes"))
    } else {
        Refusal::bad_request("the body broke off")
    }
}

/// A caller inside a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) user: User,
    pub(crate) workspace: WorkspaceRow,
}

impl App {
    /// Who calls; 401 without a valid key.
    pub(crate) async fn caller(&self, call: &Call) -> Answer<User> {
        let key = bearer(&call.parts.headers).ok_or_else(Refusal::unauthenticated)?;
        let now = Time::from(self.clock.now());
        let user = self.store.user_of_key(&key, now).await?.ok_or_else(Refusal::unauthenticated)?;
        if let Some(peer) = call.parts.extensions.get::<Peer>() {
            peer.vouch();
        }
        Ok(user)
    }

    /// Who calls, in which workspace: 401, then 404 for a workspace that is unknown or not the caller's.
    pub(crate) async fn access(&self, call: &Call) -> Answer<Access> {
        let user = self.caller(call).await?;
        let id = call.id("ws", "workspace")?;
        let workspace = self.store.workspace_for(user.id, id).await?;
        Ok(Access { user, workspace: workspace.ok_or_else(|| Refusal::not_found("no such workspace"))? })
    }
}

impl Access {
    /// 402 below the plan.
    pub(crate) fn plan(self, needed: Plan, feature: &str) -> Answer<Self> {
        if self.workspace.plan >= needed { Ok(self) } else { Err(Refusal::plan(feature, needed, self.workspace.plan)) }
    }

    /// 402 below Enterprise.
    pub(crate) fn byo(self) -> Answer<Self> {
        self.plan(Plan::Enterprise, "BYO storage")
    }

    /// 403 below the role.
    pub(crate) fn at_least(self, needed: Role) -> Answer<Self> {
        if self.workspace.role >= needed { Ok(self) } else { Err(Refusal::role(needed, self.workspace.role)) }
    }
}
