//! One HTTP exchange: faults, then S3 or the query protocol, then ids, counters and the trail.

mod form;
mod objects;
mod record;
mod reply;

use std::io;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, request};
use hyper::body::Incoming;
use s3s::service::S3Service;

use super::connection::Connection;
use super::fault::Effect;
use super::request_log::LoggedRequest;
use super::s3::Failure;
use super::state::State;
use reply::Reply;

/// Answers one request.
pub(crate) async fn respond(
    state: Arc<State>,
    s3: S3Service,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let form = request.method() == Method::POST
        && request.uri().path() == "/"
        && request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        form::respond(&state, &connection, request).await
    } else {
        objects::respond(&state, &s3, &connection, request).await
    }
}

/// The connection is to be closed without an answer.
fn dropped() -> io::Error {
    io::Error::other("the connection was dropped on request")
}

/// What the faults before an answer came to.
#[derive(Default)]
struct Ordeal {
    instead: Option<Failure>,
    after: Vec<Effect>,
    drop: bool,
}

async fn befall(state: &State, operation: &str, target: Option<(&str, &str)>) -> Ordeal {
    let mut ordeal = Ordeal::default();
    for effect in state.faults.befall(operation, target.map(|(_, key)| key)) {
        match effect {
            Effect::Latency(time) => tokio::time::sleep(time).await,
            Effect::ExpireSessions => state.directory.end_sessions(),
            Effect::Overwrite(object) => {
                if let Some((bucket, key)) = target {
                    state.store.put(bucket, key, object, state.clock.now(), false);
                }
            }
            Effect::DropConnection => ordeal.drop = true,
            Effect::SlowDown { retry_after } => ordeal.instead = Some(Failure::slow_down(retry_after)),
            Effect::InternalError => ordeal.instead = Some(Failure::internal()),
            other => ordeal.after.push(other),
        }
    }
    ordeal
}

fn log(
    state: &State,
    operation: &str,
    key: Option<String>,
    parts: &request::Parts,
    status: Option<u16>,
    request_id: &str,
) {
    state.log.add(|| LoggedRequest {
        operation: operation.to_owned(),
        line: format!("{} {}", parts.method, without_signature(parts)),
        key,
        range: header(&parts.headers, "range").map(str::to_owned),
        if_match: header(&parts.headers, "if-match").map(str::to_owned),
        status,
        request_id: request_id.to_owned(),
    });
}

fn without_signature(parts: &request::Parts) -> String {
    let kept: Vec<&str> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|q| !q.is_empty() && !q.starts_with("X-Amz-"))
        .collect();
    let path = parts.uri.path();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn value(text: &str) -> io::Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(io::Error::other)
}
