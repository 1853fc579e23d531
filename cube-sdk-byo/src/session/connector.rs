//! The HTTP client under the AWS SDK: hyper with a read size that suits large bodies, on the settings that every domain
//! shares.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as AwsConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use cube_sdk_core::retry::Attempt;
use cube_sdk_core::settings::{Ground, Via};
use cube_sdk_core::transport::{Answer, Body, Next, Transport, never_connected};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use futures_util::StreamExt;
use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderMap, HeaderValue, LAST_MODIFIED, PROXY_AUTHORIZATION, USER_AGENT};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sync_wrapper::SyncStream;

use super::dial::Dial;

/// Bytes asked of the socket at once. Each chunk of a body is one such read, and keeps an allocation of
/// this size alive while it waits, so that memory can be accounted.
pub(crate) const READ_SIZE: usize = 64 * 1024;

/// Connections kept for reuse: as many as the reader may have in flight.
const MAX_IDLE: usize = 64;

/// S3 closes idle connections after some 20 s; one that is about to be closed is not worth a try.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The limit on connecting, when neither the settings nor the AWS SDK name one.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest request that goes through middlewares: STS's forms, nothing of S3.
const REQUEST_CAP: usize = 1 << 20;

type Pooled = Client<Dial, SdkBody>;

/// One connection pool for every client of a storage. Nothing is connected before the first call.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Shared>);

struct Shared {
    ground: Ground,
    pool: Pooled,
    /// For requests that bring a limit of their own, as those to an instance's metadata do.
    limited: Mutex<HashMap<Duration, Pooled>>,
}

/// A connector with the limits that one client of the SDK asks for.
#[derive(Clone, Debug)]
struct Limited {
    connector: Connector,
    connect: Option<Duration>,
    read: Option<Duration>,
}

/// A connection that was never made: nothing was sent. Inside is the reason, and whether it may pass.
#[derive(Debug)]
pub(crate) struct NeverConnected(pub(crate) Error);

impl Connector {
    pub(crate) fn new(ground: &Ground) -> Result<Self> {
        let limit = ground.connect_timeout().unwrap_or(CONNECT);
        let pool = pool(Dial::new(ground, limit)?);
        Ok(Self(Arc::new(Shared { ground: ground.clone(), pool, limited: Mutex::default() })))
    }

    fn pool(&self, connect: Option<Duration>) -> Result<Pooled> {
        let Some(limit) = connect else { return Ok(self.0.pool.clone()) };
        let mut limited = self.0.limited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = limited.get(&limit) {
            return Ok(pool.clone());
        }
        let made = pool(Dial::new(&self.0.ground, limit)?);
        limited.insert(limit, made.clone());
        Ok(made)
    }

    /// What every request of the SDK carries; gives the proxy that it goes by.
    fn dress(&self, request: &mut http::Request<SdkBody>) -> Option<Via> {
        let ground = &self.0.ground;
        let via = ground.proxies().intercept(request.uri());
        let plain = request.uri().scheme_str() == Some("http");
        let headers = request.headers_mut();
        if let Some(authorization) = via.as_ref().filter(|_| plain).and_then(|via| via.authorization.clone()) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        let theirs = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Ok(agent) = HeaderValue::try_from(format!("{} {theirs}", ground.user_agent()).trim_end()) {
            headers.insert(USER_AGENT, agent);
        }
        if let Some(trace) = ground.trace_context() {
            trace.inject(headers);
        }
        via
    }
}

fn pool(dial: Dial) -> Pooled {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        .http1_read_buf_exact_size(READ_SIZE);
    builder.build(dial)
}

impl Limited {
    /// Sends by a connection of the pool.
    fn send(&self, mut request: http::Request<SdkBody>) -> impl Future<Output = Sent<Incoming>> + Send + 'static {
        let pool = self.connector.pool(self.connect);
        let via = self.connector.dress(&mut request);
        let read = self.read.map(|read| read.saturating_add(self.connect.unwrap_or_default()));
        async move {
            let pool = pool.map_err(|error| ConnectorError::user(error.into()))?;
            let answer = pool.request(request);
            let answer = match read {
                None => answer.await,
                Some(limit) => tokio::time::timeout(limit, answer)
                    .await
                    .map_err(|_| ConnectorError::timeout("no answer within the limit of the AWS SDK's own".into()))?,
            };
            answer.map_err(|error| match error.is_connect() {
                true => ConnectorError::io(NeverConnected(never_connected(error, via.as_ref())).into()),
                false => ConnectorError::io(error.into()),
            })
        }
    }

    /// Sends through the middlewares, and by the program's own transport where it set one.
    async fn carry(self, attempt: Option<Attempt>, request: http::Request<SdkBody>) -> Sent<SdkBody> {
        let (head, body) = request.into_parts();
        let body = http_body_util::Limited::new(body, REQUEST_CAP).collect().await;
        let request = http::Request::from_parts(head, body.map_err(ConnectorError::user)?.to_bytes());
        let ground = self.connector.0.ground.clone();
        let transport = ground.own_transport().unwrap_or_else(|| Arc::new(self));
        let answer = match attempt {
            Some(attempt) => Next::new(ground.middleware(), &*transport).run(attempt, request).await,
            // Looking for keys is no call of the program's.
            None => transport.send(request).await,
        };
        match answer {
            // The SDK's bodies are shared between threads, though never read by two.
            Ok(answer) => Ok(answer.map(|body| {
                let frames = body.into_stream().map(|chunk| chunk.map(Frame::data));
                SdkBody::from_body_1_x(StreamBody::new(SyncStream::new(frames)))
            })),
            Err(error) if error.kind() == ErrorKind::Connect => Err(ConnectorError::io(NeverConnected(error).into())),
            Err(error) if error.kind() == ErrorKind::Timeout => Err(ConnectorError::timeout(error.into())),
            Err(error) => Err(ConnectorError::io(error.into())),
        }
    }
}

type Sent<B> = std::result::Result<http::Response<B>, ConnectorError>;

impl AwsConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let attempt = request.extensions_mut().remove::<Attempt>();
        let ground = &self.connector.0.ground;
        if ground.own_transport().is_some() || (attempt.is_some() && !ground.middleware().is_empty()) {
            let answer = self.clone().carry(attempt.clone(), request);
            return HttpConnectorFuture::new(async move { read(answer.await?, attempt.as_ref()) });
        }
        let answer = self.send(request);
        HttpConnectorFuture::new(async move { read(answer.await?.map(SdkBody::from_body_1_x), attempt.as_ref()) })
    }
}

/// The pool as what stands behind middlewares.
#[async_trait]
impl Transport for Limited {
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer> {
        match Limited::send(self, request.map(SdkBody::from)).await {
            Ok(answer) => Ok(answer.map(|body| Body::from_stream(BodyStream::new(body).filter_map(data)))),
            Err(error) if error.is_timeout() => {
                Err(Error::new(ErrorKind::Timeout, error.to_string()).with_clock(WhichClock::FirstByte).cause(error))
            }
            Err(error) => match error.into_source().downcast::<NeverConnected>() {
                Ok(never) => Err(never.0),
                Err(cause) => Err(Error::new(ErrorKind::Transport, "the connection broke").cause(cause)),
            },
        }
    }
}

async fn data(frame: std::result::Result<Frame<Bytes>, hyper::Error>) -> Option<Result<Bytes>> {
    match frame {
        Ok(frame) => frame.into_data().ok().map(Ok),
        Err(cause) => Some(Err(Error::new(ErrorKind::Transport, "the body broke").cause(cause))),
    }
}

/// The SDK's form of an answer. Tells the attempt what came.
fn read(
    mut answer: http::Response<SdkBody>,
    attempt: Option<&Attempt>,
) -> std::result::Result<HttpResponse, ConnectorError> {
    readable(answer.headers_mut());
    // The SDK's outputs have no status: a part would pass for the whole object.
    if answer.status() == StatusCode::PARTIAL_CONTENT && !answer.headers().contains_key(CONTENT_RANGE) {
        answer.headers_mut().insert(CONTENT_RANGE, HeaderValue::from_static("none"));
    }
    if let Some(attempt) = attempt {
        attempt.answered(Some(answer.status().as_u16()), request_id(answer.headers()));
    }
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// AWS's request id.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    header("x-amz-request-id").or_else(|| header("x-amzn-requestid"))
}

/// Typed headers that no call of ours needs. The SDK reads an answer whole: one that it cannot read would spoil it.
const UNNEEDED: [&str; 7] = [
    "expires",
    "x-amz-delete-marker",
    "x-amz-missing-meta",
    "x-amz-mp-parts-count",
    "x-amz-object-lock-retain-until-date",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-tagging-count",
];

/// Takes away what is not needed and may be unreadable.
fn readable(headers: &mut HeaderMap) {
    for name in UNNEEDED {
        headers.remove(name);
    }
    if headers.get(LAST_MODIFIED).is_some_and(|time| time.to_str().map_or(true, |time| !is_date(time))) {
        headers.remove(LAST_MODIFIED);
    }
    let odd = |value: &HeaderValue| value.to_str().is_err();
    if headers.values().any(odd) {
        let names: Vec<_> = headers.iter().filter(|(_, value)| odd(value)).map(|(name, _)| name.clone()).collect();
        names.into_iter().for_each(|name| {
            headers.remove(name);
        });
    }
}

fn is_date(text: &str) -> bool {
    use aws_smithy_types::date_time::{DateTime, Format};
    DateTime::from_str(text, Format::HttpDate).is_ok()
}

impl HttpClient for Connector {
    fn http_connector(&self, limits: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let (connect, read) = (limits.connect_timeout(), limits.read_timeout());
        SharedHttpConnector::new(Limited { connector: self.clone(), connect, read })
    }
}

impl fmt::Display for NeverConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection could not be made")
    }
}

impl std::error::Error for NeverConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
