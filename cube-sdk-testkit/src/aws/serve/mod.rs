//! One HTTP exchange: faults, then S3 or the query protocol, then ids, counters and the trail.

mod form;
mod objects;
mod record;
mod reply;

use std::io;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body::Body as _;
use hyper::body::Incoming;
use s3s::service::S3Service;

use super::connection::Connection;
use super::fault::Effect;
use super::request_log::{LoggedRequest, Tally, Written};
use super::state::State;
use reply::Content;
pub(crate) use reply::Reply;

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
    let tally = Arc::new(Tally::default());
    let head = request.method() == Method::HEAD;
    let response = if form {
        form::respond(&state, &connection, &tally, request).await
    } else {
        objects::respond(&state, &s3, &connection, &tally, request).await
    }?;
    tally.decided(response.status().as_u16());
    if head || response.body().is_end_stream() {
        tally.all_given();
    }
    connection.begin_answer(tally);
    Ok(response)
}

/// The connection is to be closed without an answer.
fn dropped() -> io::Error {
    io::Error::other("the connection was dropped on request")
}

/// What the faults before an answer came to.
#[derive(Default)]
struct Ordeal {
    /// The answer that is given in place of the service's.
    instead: Option<Effect>,
    after: Vec<Effect>,
    drop: bool,
}

async fn befall(state: &State, operation: &str, bucket: Option<&str>, key: Option<&str>) -> Ordeal {
    let mut ordeal = Ordeal::default();
    for effect in state.faults.befall(operation, key) {
        match effect {
            Effect::Latency(time) => tokio::time::sleep(time).await,
            // The client's leaving drops this.
            Effect::Hang => std::future::pending().await,
            Effect::ExpireSessions => state.directory.end_sessions(),
            Effect::Overwrite(object) => {
                if let (Some(bucket), Some(key)) = (bucket, key) {
                    state.store.put(bucket, key, object, state.clock.now(), false);
                }
            }
            Effect::DropConnection => ordeal.drop = true,
            Effect::TemporaryRedirect if bucket.is_none() => {}
            Effect::SlowDown { .. }
            | Effect::InternalError
            | Effect::Answer { .. }
            | Effect::Bare { .. }
            | Effect::Page { .. }
            | Effect::TemporaryRedirect => ordeal.instead = Some(effect),
            other => ordeal.after.push(other),
        }
    }
    ordeal
}

/// What changes an answer of either service when it is ready.
fn finish(response: &mut Response<Reply>, connection: &Connection, effects: &[Effect]) -> io::Result<()> {
    for effect in effects {
        match effect {
            Effect::ResetAnswer { after } => connection.reset_after(*after),
            Effect::Header { name, value } => {
                let name = HeaderName::try_from(name.as_str()).map_err(io::Error::other)?;
                match value {
                    Some(value) => {
                        let value = HeaderValue::from_bytes(value).map_err(io::Error::other)?;
                        response.headers_mut().insert(name, value);
                    }
                    None => {
                        response.headers_mut().remove(&name);
                        if name == CONTENT_LENGTH
                            && let Content::Object(body) = &mut response.body_mut().content
                        {
                            body.hide_length();
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// An answer of somebody else's.
fn page(status: u16, content_type: &str, body: &str, tally: &Arc<Tally>) -> io::Result<Response<Reply>> {
    let text = Content::Text(Some(body.to_owned().into()));
    let mut response = Response::new(Reply::new(text, tally));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    response.headers_mut().insert(CONTENT_TYPE, value(content_type)?);
    Ok(response)
}

/// Condition keys of the request itself.
fn facts(connection: &Connection, headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let mut facts = vec![("aws:sourceip", connection.peer.ip().to_string())];
    facts.extend(header(headers, "user-agent").map(|agent| ("aws:useragent", agent.to_owned())));
    facts
}

fn log(
    state: &State,
    tally: &Arc<Tally>,
    operation: &str,
    key: Option<&str>,
    parts: &request::Parts,
    request_id: &str,
) {
    state.log.add(tally, || LoggedRequest {
        operation: operation.to_owned(),
        line: format!("{} {}", parts.method, without_signature(parts)),
        key: key.map(str::to_owned),
        range: header(&parts.headers, "range").map(str::to_owned),
        if_match: header(&parts.headers, "if-match").map(str::to_owned),
        status: None,
        request_id: request_id.to_owned(),
        bytes: 0,
        written: Written::Nothing,
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
