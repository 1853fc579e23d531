//! How the service says no to programs: a status, and one sentence in `detail`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use cube_sdk_core::{Error, ErrorKind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use super::access::Caller;
use super::app::App;
use crate::bearer::bearer;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "API key missing, unknown, expired or revoked: log in again")
    }

    pub(crate) fn forbidden(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, why)
    }

    /// Who calls, by the key in `Authorization` and by nothing else; a cookie is no proof.
    pub(crate) async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Self> {
        let key = bearer(headers).ok_or_else(Self::unauthenticated)?;
        match app.keys.caller(&key).await {
            Ok(caller) => caller.ok_or_else(Self::unauthenticated),
            Err(error) => {
                tracing::error!(%error, "a key could not be looked up");
                Err(Self::new(StatusCode::SERVICE_UNAVAILABLE, "the key could not be looked up: try again"))
            }
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            _ => {
                // A fault of this server: the client learns the request id and nothing of the inside.
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "request failed");
                let detail = "the server failed; quote the X-Request-Id of this answer";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
            }
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "detail": self.detail }))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
