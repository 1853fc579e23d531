//! A request to S3.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::service::S3Service;

use super::super::connection::Connection;
use super::super::fault::Effect;
use super::super::s3::{Cut, Exchange, Failure, ObjectBody, Target};
use super::super::state::State;
use super::record::{Sender, record};
use super::reply::Reply;
use super::{befall, dropped, log, value};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

pub(super) async fn respond(
    state: &Arc<State>,
    s3: &S3Service,
    connection: &Arc<Connection>,
    mut request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let target = Target::of(request.method(), request.uri().path(), request.uri().query());
    let in_flight = (target.operation == "GetObject").then(|| state.traffic.enter());
    state.traffic.count(target.operation);
    let exchange = Arc::new(Exchange::new(state.mint.s3_request_id(), state.mint.s3_host_id()));
    let place = target.bucket.as_deref().zip(target.key.as_deref());
    let ordeal = befall(state, target.operation, place).await;

    request.extensions_mut().insert(exchange.clone());
    let (parts, body) = request.into_parts();
    let seen = Sender::of(&parts, connection.peer);
    let log = |status| log(state, target.operation, target.key.clone(), &parts, status, &exchange.request_id);
    if ordeal.drop {
        log(None);
        return Err(dropped());
    }
    let mut response = match ordeal.instead {
        Some(failure) => {
            exchange.notes().failure = Some(failure);
            Response::new(Reply::Text(None))
        }
        None => {
            let request = Request::from_parts(parts.clone(), s3s::Body::from(body));
            let answered = s3.call(request).await;
            answered
                .map_err(|broken| io::Error::other(Box::<dyn std::error::Error + Send + Sync>::from(broken)))?
                .map(Reply::S3)
        }
    };
    let failure = failure_of(&exchange, &mut response).await;
    let counted = Arc::new(AtomicU64::new(0));
    match &failure {
        Some(failure) => render_failure(&mut response, failure, &exchange, &parts.method)?,
        None => {
            let planned = exchange.notes().body.take();
            if let (Some(planned), Some(in_flight)) = (planned, in_flight) {
                let body =
                    ObjectBody::new(planned, connection.clone(), state.traffic.clone(), counted.clone(), in_flight);
                *response.body_mut() = Reply::Object(Box::new(body));
            }
            for effect in ordeal.after {
                spoil(&mut response, effect);
            }
        }
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, value(&exchange.request_id)?);
    headers.insert(HOST_ID, value(&exchange.host_id)?);
    headers.insert(SERVER, HeaderValue::from_static("AmazonS3"));
    log(Some(response.status().as_u16()));
    record(state, &target, &exchange, failure.as_ref(), seen, counted);
    Ok(response)
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
    let body = std::mem::replace(response.body_mut(), Reply::Text(None));
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Some(Failure::from_s3s(status, &body))
}

fn render_failure(
    response: &mut Response<Reply>,
    failure: &Failure,
    exchange: &Exchange,
    method: &Method,
) -> io::Result<()> {
    *response.status_mut() = failure.status;
    let headers = response.headers_mut();
    headers.clear();
    if let Some(region) = &failure.bucket_region {
        headers.insert(BUCKET_REGION, value(region)?);
    }
    if let Some(seconds) = failure.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    let bare = method == Method::HEAD || failure.status == StatusCode::NOT_MODIFIED;
    if !bare {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        let text = failure.render(&exchange.request_id, &exchange.host_id);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        *response.body_mut() = Reply::Text(Some(text.into()));
    } else {
        *response.body_mut() = Reply::Text(None);
    }
    Ok(())
}

fn spoil(response: &mut Response<Reply>, effect: Effect) {
    if let Effect::WrongEtag = effect {
        response.headers_mut().insert(ETAG, HeaderValue::from_static("\"00000000000000000000000000000000\""));
    }
    let Reply::Object(body) = response.body_mut() else {
        return;
    };
    match effect {
        Effect::ResetBody { after } => body.cut(Cut { after, reset: true }),
        Effect::TruncateBody { after } => body.cut(Cut { after, reset: false }),
        Effect::SlowBody { bytes_per_second } => body.slow(bytes_per_second),
        Effect::CorruptByte { at } => body.corrupt(at),
        _ => {}
    }
}
