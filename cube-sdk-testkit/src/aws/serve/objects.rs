//! A request to S3.

use std::io;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, SERVER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::service::S3Service;

use super::super::connection::Connection;
use super::super::fault::Effect;
use super::super::request_log::Tally;
use super::super::s3::{Break, Cut, Exchange, Failure, ObjectBody, Pace, Target};
use super::super::state::State;
use super::record::{Sender, record};
use super::reply::{Content, Reply};
use super::{befall, dropped, facts, finish, log, page, value};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
/// The only version of signatures that is served.
const VERSION: &str = "AWS4-HMAC-SHA256";
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

pub(super) async fn respond(
    state: &Arc<State>,
    s3: &S3Service,
    connection: &Arc<Connection>,
    tally: &Arc<Tally>,
    mut request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let target = Target::of(request.method(), request.uri(), request.headers());
    let in_flight = (target.operation == "GetObject").then(|| state.traffic.enter());
    state.traffic.count(target.operation);
    let mut facts = facts(connection, request.headers());
    facts.extend(signed_facts(&request, &state.account_id));
    let exchange = Arc::new(Exchange::new(state.mint.s3_request_id(), state.mint.s3_host_id(), facts));
    request.extensions_mut().insert(exchange.clone());
    let (parts, body) = request.into_parts();
    log(state, tally, target.operation, target.key.as_deref(), &parts, &exchange.request_id);
    let ordeal = befall(state, target.operation, target.bucket.as_deref(), target.key.as_deref()).await;
    let seen = Sender::of(&parts, connection.peer, ordeal.instead.is_some());
    if ordeal.drop {
        return Err(dropped());
    }
    let mut bare = parts.method == Method::HEAD;
    let mut response = match ordeal.instead {
        Some(Effect::Page { status, content_type, body }) => {
            let mut response = page(status, &content_type, &body, tally)?;
            finish(&mut response, connection, &ordeal.after)?;
            return Ok(response);
        }
        Some(instead) => {
            bare |= matches!(instead, Effect::Bare { .. });
            exchange.notes().failure = Some(injected(state, &target, parts.uri.path(), instead)?);
            Response::new(Reply::new(Content::Text(None), tally))
        }
        None => {
            let request = Request::from_parts(parts.clone(), s3s::Body::from(body));
            let answered = s3.call(request).await;
            answered
                .map_err(|broken| io::Error::other(Box::<dyn std::error::Error + Send + Sync>::from(broken)))?
                .map(|body| Reply::new(Content::S3(body), tally))
        }
    };
    let failure = failure_of(&exchange, &mut response).await;
    match &failure {
        Some(failure) => render_failure(&mut response, failure, &exchange, bare, tally)?,
        None => {
            let planned = exchange.notes().body.take();
            if let (Some(planned), Some(in_flight)) = (planned, in_flight) {
                let body = ObjectBody::new(planned, connection.clone(), state.traffic.clone(), in_flight);
                *response.body_mut() = Reply::new(Content::Object(Box::new(body)), tally);
            }
            for effect in &ordeal.after {
                spoil(&mut response, effect);
            }
        }
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, value(&exchange.request_id)?);
    headers.insert(HOST_ID, value(&exchange.host_id)?);
    headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    finish(&mut response, connection, &ordeal.after)?;
    record(state, &target, &exchange, failure.as_ref(), seen, tally);
    Ok(response)
}

/// The condition keys of S3 that say how a request is signed, and whose the bucket is.
fn signed_facts<T>(request: &Request<T>, account_id: &str) -> Vec<(&'static str, String)> {
    let presigned = request.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="));
    let kind = match (presigned, request.headers().contains_key("authorization")) {
        (true, _) => Some("REST-QUERY-STRING"),
        (false, true) => Some("REST-HEADER"),
        (false, false) => None,
    };
    let signed = kind.map(|kind| [("s3:authtype", kind.to_owned()), ("s3:signatureversion", VERSION.to_owned())]);
    let owner = ("s3:resourceaccount", account_id.to_owned());
    signed.into_iter().flatten().chain([owner]).collect()
}

/// The failure that a fault asks for.
fn injected(state: &State, target: &Target, path: &str, effect: Effect) -> io::Result<Failure> {
    let status = |status: u16| StatusCode::from_u16(status).map_err(io::Error::other);
    Ok(match effect {
        Effect::SlowDown { retry_after } => Failure::slow_down(retry_after),
        Effect::Answer { status: number, code, message } => Failure::new(status(number)?, &code, &message),
        Effect::Bare { status: number } => Failure::new(status(number)?, "", ""),
        Effect::TemporaryRedirect => {
            let bucket = target.bucket.as_deref().unwrap_or_default();
            let region = state.store.buckets().get(bucket).map(|bucket| bucket.region.clone());
            Failure::temporary_redirect(bucket, path, region.as_deref().unwrap_or(&state.region))
        }
        _ => Failure::internal(),
    })
}

/// The failure that the backend left, or the one that s3s wrote by itself.
async fn failure_of(exchange: &Exchange, response: &mut Response<Reply>) -> Option<Failure> {
    if let Some(failure) = exchange.notes().failure.take() {
        return Some(failure);
    }
    let status = response.status();
    if status.is_success() {
        return None;
    }
    let body = std::mem::replace(&mut response.body_mut().content, Content::Text(None));
    let text = match body {
        Content::S3(body) => body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
        _ => Default::default(),
    };
    Some(Failure::from_s3s(status, &text))
}

fn render_failure(
    response: &mut Response<Reply>,
    failure: &Failure,
    exchange: &Exchange,
    bare: bool,
    tally: &Arc<Tally>,
) -> io::Result<()> {
    *response.status_mut() = failure.status;
    let headers = response.headers_mut();
    headers.clear();
    for (name, text) in &failure.headers {
        headers.insert(*name, value(text)?);
    }
    let text = if bare || failure.status == StatusCode::NOT_MODIFIED {
        None
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        let text = failure.render(&exchange.request_id, &exchange.host_id);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        Some(text.into())
    };
    *response.body_mut() = Reply::new(Content::Text(text), tally);
    Ok(())
}

fn spoil(response: &mut Response<Reply>, effect: &Effect) {
    if let Effect::WrongEtag = effect {
        response.headers_mut().insert(ETAG, HeaderValue::from_static("\"00000000000000000000000000000000\""));
    }
    let Content::Object(body) = &mut response.body_mut().content else {
        return;
    };
    match *effect {
        Effect::ResetBody { after } => body.cut(Cut { after, how: Break::Reset }),
        Effect::TruncateBody { after } => body.cut(Cut { after, how: Break::Close }),
        Effect::StallBody { after } => body.cut(Cut { after, how: Break::Stall }),
        Effect::SlowBody { bytes_per_second } => body.slow(Pace::of_rate(bytes_per_second)),
        Effect::DripBody { bytes, every } => body.slow(Pace { bytes: bytes.max(1), every }),
        Effect::CorruptByte { at } => body.corrupt(at),
        _ => {}
    }
}
