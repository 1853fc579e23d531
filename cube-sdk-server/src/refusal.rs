//! How the services say no to programs: a status and one sentence in `detail`, always a string.

use axum::Json;
use axum::response::{IntoResponse, Response};
use cube_sdk_core::{Error, ErrorKind};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
}

pub(crate) type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "API key missing, unknown, expired or revoked")
    }

    pub(crate) fn forbidden(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, why)
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// A value of the body or query that its parsed type refused; `field` names it.
    pub(crate) fn field(field: &str) -> impl Fn(Error) -> Self {
        move |error| Self::invalid(format!("{field}: {error}"))
    }

    /// What an operation that may be asked wrongly answered: its own words where the asker can mend it, else a fault of
    /// this server.
    pub(crate) fn of(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            _ => return Self::from(error),
        };
        Self::new(status, error.to_string())
    }
}

impl From<Error> for Refusal {
    /// A fault of this server. The client learns the request id and nothing of the inside.
    fn from(error: Error) -> Self {
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "request failed");
        if error.kind() == ErrorKind::Unavailable {
            let detail = "the database does not answer: what was asked may have been done or not; look, then try again";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; quote the X-Request-Id of this answer")
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
