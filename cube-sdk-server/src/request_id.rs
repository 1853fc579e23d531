//! Every answer carries an id that the log carries too.

use axum::body::Body;
use axum::http::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest part of a path that is shown: a UUID. What is longer may be the id of a login, which is a secret.
const LONGEST: usize = 36;

fn shown(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.len() > LONGEST { "…" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// A layer: the id stands in the span of everything that the request does, and in the answer.
pub(crate) async fn with_request_id(request: Request<Body>, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", %id, method = %request.method(), path = shown(request.uri().path()));
    let mut response = tracing::Instrument::instrument(next.run(request), span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_login_is_not_shown() {
        let id = "A".repeat(43);
        assert_eq!(shown(&format!("/auth/session/{id}/")), "/auth/session/…/");
        let grant = "/v1/grants/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11";
        assert_eq!(shown(grant), grant);
    }
}
