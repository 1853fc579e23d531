//! One HTTP exchange: faults, then S3 or the query protocol, then ids, counters and the trail.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use s3s::service::S3Service;
use serde_json::{Value, json};

use super::connection::Connection;
use super::fault::Effect;
use super::identity::Caller;
use super::persist;
use super::query::{self, ApiError, Form};
use super::request_log::LoggedRequest;
use super::s3::{Cut, Exchange, Failure, ObjectBody, Target};
use super::sigv4::Authorization;
use super::state::State;
use super::trail::{self, Event};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const QUERY_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// The body of an answer.
pub(crate) enum Reply {
    /// A short text, or nothing once taken.
    Text(Option<Bytes>),
    /// What s3s wrote.
    S3(s3s::Body),
    /// Object bytes.
    Object(Box<ObjectBody>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::S3(body) => Pin::new(body).poll_frame(cx),
            Self::Object(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Self::S3(body) => body.is_end_stream(),
            Self::Object(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::S3(body) => body.size_hint(),
            Self::Object(body) => body.size_hint(),
        }
    }
}

/// The connection is to be closed without an answer.
fn dropped() -> io::Error {
    io::Error::other("the connection was dropped on request")
}

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
        respond_query(&state, &connection, request).await
    } else {
        respond_s3(&state, &s3, &connection, request).await
    }
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

async fn respond_query(
    state: &State,
    connection: &Connection,
    request: Request<Incoming>,
) -> io::Result<Response<Reply>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, query::MAX_FORM).collect().await.map_err(io::Error::other)?.to_bytes();
    let form = Form::parse(&body);
    let operation = form.get("Action").unwrap_or("Unknown").to_owned();
    let request_id = state.mint.uuid();
    state.traffic.count(&operation);
    let ordeal = befall(state, &operation, None).await;
    let log = |status| log(state, &operation, None, &parts, status, &request_id);
    if ordeal.drop {
        log(None);
        return Err(dropped());
    }
    let (status, text) = match ordeal.instead {
        Some(failure) => {
            let code = if failure.code == "SlowDown" { "Throttling" } else { "InternalFailure" };
            let error = match code {
                "Throttling" => ApiError::sender(400, code, "Rate exceeded"),
                _ => ApiError::receiver(500, code, &failure.message),
            };
            (error.status, error.render("https://sts.amazonaws.com/doc/2011-06-15/", &request_id))
        }
        None => {
            let answer = query::answer(state, &parts, &form, &body, &request_id);
            let service = query::Service::of(&form);
            let iam_write = service == query::Service::Iam && answer.error.is_none() && !is_read(&operation);
            if iam_write {
                persist::save_now(state)?;
            }
            if let Some(caller) = &answer.caller {
                state.trail.add(
                    &state.mint,
                    state.clock.now(),
                    Event {
                        source: service.source(),
                        name: operation.clone(),
                        region: state.region.clone(),
                        request_id: request_id.clone(),
                        identity: trail::identity(Some(caller), &state.account_id),
                        user_agent: header(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
                        source_ip: connection.peer.ip().to_string(),
                        error: answer.error,
                        request_parameters: answer.request_parameters,
                        response_elements: answer.response_elements,
                        resources: answer.resources,
                        read_only: is_read(&operation),
                        data: false,
                        bytes_out: None,
                        host_id: None,
                    },
                );
            }
            (answer.status, answer.body)
        }
    };
    log(Some(status));
    let mut response = Response::new(Reply::Text(Some(text.into())));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert(QUERY_REQUEST_ID, value(&request_id)?);
    Ok(response)
}

async fn respond_s3(
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
    let seen = Parts::of(&parts, connection.peer);
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

/// What the trail wants of the request, kept past the request.
struct Parts {
    user_agent: String,
    source_ip: String,
    access_key_id: Option<String>,
}

impl Parts {
    fn of(parts: &request::Parts, peer: SocketAddr) -> Self {
        Self {
            user_agent: header(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
            source_ip: peer.ip().to_string(),
            access_key_id: Authorization::read(&parts.headers).map(|authorization| authorization.access_key_id),
        }
    }
}

fn record(
    state: &State,
    target: &Target,
    exchange: &Exchange,
    failure: Option<&Failure>,
    seen: Parts,
    counted: Arc<AtomicU64>,
) {
    let (caller, decrypt) = {
        let mut notes = exchange.notes();
        (notes.caller.take(), notes.decrypt.take())
    };
    // An injected failure is answered before anyone is authenticated; the trail names whoever the key says.
    let caller: Option<Caller> = caller.or_else(|| state.directory.owner(seen.access_key_id.as_deref()?));
    let Some(caller) = caller else { return };
    let region =
        target.bucket.as_deref().and_then(|bucket| state.store.buckets().get(bucket).map(|b| b.region.clone()));
    let region = region.unwrap_or_else(|| state.region.clone());
    let identity = trail::identity(Some(&caller), &state.account_id);
    let bucket_arn = target.bucket.as_ref().map(|bucket| format!("arn:aws:s3:::{bucket}"));
    let mut parameters = json!({ "bucketName": target.bucket, "Host": format!("s3.{region}.amazonaws.com") });
    let mut resources = Vec::new();
    if let (Some(arn), Some(key)) = (&bucket_arn, &target.key) {
        parameters["key"] = json!(key);
        resources.push(json!({ "type": "AWS::S3::Object", "ARN": format!("{arn}/{key}") }));
    }
    if let Some(arn) = &bucket_arn {
        resources.push(json!({ "accountId": state.account_id, "type": "AWS::S3::Bucket", "ARN": arn }));
    }
    let now = state.clock.now();
    state.trail.add(
        &state.mint,
        now,
        Event {
            source: "s3.amazonaws.com",
            name: target.operation.to_owned(),
            region: region.clone(),
            request_id: exchange.request_id.clone(),
            identity: identity.clone(),
            user_agent: format!("[{}]", seen.user_agent),
            source_ip: seen.source_ip,
            error: failure.map(|failure| (failure.code.clone(), failure.message.clone())),
            request_parameters: parameters,
            response_elements: Value::Null,
            resources: Value::Array(resources),
            read_only: !matches!(target.operation, "PutObject" | "DeleteObject" | "CreateBucket"),
            data: target.key.is_some() || target.operation.starts_with("ListObjects"),
            bytes_out: Some(counted),
            host_id: Some(exchange.host_id.clone()),
        },
    );
    if let Some(decrypt) = decrypt {
        let mut identity = identity;
        identity["invokedBy"] = json!("AWS Internal");
        state.trail.add(
            &state.mint,
            now,
            Event {
                source: "kms.amazonaws.com",
                name: "Decrypt".to_owned(),
                region,
                request_id: state.mint.uuid(),
                identity,
                user_agent: "AWS Internal".to_owned(),
                source_ip: "AWS Internal".to_owned(),
                error: decrypt.denied.map(|message| ("AccessDenied".to_owned(), message)),
                request_parameters: json!({
                    "encryptionContext": { "aws:s3:arn": decrypt.object_arn },
                    "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
                }),
                response_elements: Value::Null,
                resources: json!([{ "accountId": state.account_id, "type": "AWS::KMS::Key", "ARN": decrypt.key_arn }]),
                read_only: true,
                data: false,
                bytes_out: None,
                host_id: None,
            },
        );
    }
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

fn is_read(operation: &str) -> bool {
    operation.starts_with("Get") || operation.starts_with("List") || operation == "AssumeRole"
}
