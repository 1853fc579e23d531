//! The HTTP client under the AWS SDK: hyper with a read size that suits large bodies, and the proxies, the trust and the
//! user agent of the shared settings; or the transport that the program set.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector as AwsConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use cube_sdk_core::settings::{Ground, Via};
use cube_sdk_core::transport::{SharedTransport, never_connected};
use cube_sdk_core::{Error, ErrorKind};
use futures_util::StreamExt;
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt, StreamBody};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use sync_wrapper::SyncStream;

use super::connector::Connector;
use super::prompt_ack::PromptAckConnector;

/// Bytes asked of the socket at once. Each chunk of a body is one such read, and keeps an allocation of
/// this size alive while it waits, so that memory can be accounted.
pub(crate) const READ_SIZE: usize = 64 * 1024;

/// Connections kept for reuse: as many as the reader may have in flight.
const MAX_IDLE: usize = 64;

/// S3 closes idle connections after some 20 s; one that is about to be closed is not worth a try.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// DNS, TCP and TLS together, unless set otherwise.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest request that goes over a transport of the program's own: STS's forms, nothing of S3.
const REQUEST_CAP: usize = 1 << 20;

type Pooled = Client<HttpsConnector<Connector>, SdkBody>;

/// One connection pool for every client of a [`Storage`](crate::storage::Storage). Nothing is read or
/// connected before the first call.
#[derive(Clone)]
pub(crate) struct AwsHttpClient {
    ground: Ground,
    pool: Arc<OnceLock<Pooled>>,
    /// What the SDK's own settings ask for: its metadata calls, for one, must not wait long for a silent address.
    connect: Option<Duration>,
    read: Option<Duration>,
}

/// A connection that was never made: nothing was sent. Inside is the reason, and whether it may pass.
#[derive(Debug)]
pub(crate) struct NeverConnected(pub(crate) Error);

impl AwsHttpClient {
    pub(crate) fn new(ground: Ground) -> Self {
        Self { ground, pool: Arc::default(), connect: None, read: None }
    }

    fn pool(&self) -> Result<&Pooled, Error> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.ground.connect_timeout().unwrap_or(CONNECT)));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        tcp.enforce_http(false);
        let tls = self.ground.roots().client_config()?;
        let connector = Connector::new(PromptAckConnector(tcp), tls.clone(), self.ground.proxies().clone());
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_read_buf_exact_size(READ_SIZE);
        let pool = builder.build(https.wrap_connector(connector));
        Ok(self.pool.get_or_init(|| pool))
    }

    /// The proxy that sees this request in clear, and so gets its own credentials with it.
    fn plain_proxy(&self, target: &Uri) -> Option<Via> {
        self.ground.proxies().intercept(target).filter(|_| target.scheme_str() == Some("http"))
    }

    fn prepare(&self, request: &mut http::Request<SdkBody>) {
        // AWS's own tools name the program first, then themselves.
        let names = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let names = format!("{} {}", self.ground.user_agent(), names.unwrap_or_default());
        if let Ok(value) = HeaderValue::from_str(names.trim_end()) {
            request.headers_mut().insert(header::USER_AGENT, value);
        }
        if let Some(context) = self.ground.trace_context() {
            context.inject(request.headers_mut());
        }
    }
}

impl AwsConnector for AwsHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        if let Some(transport) = self.ground.own_transport() {
            return HttpConnectorFuture::new(carried(transport, request));
        }
        self.prepare(&mut request);
        let via = self.ground.proxies().intercept(request.uri());
        if let Some(authorization) = self.plain_proxy(request.uri()).and_then(|via| via.authorization) {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization);
        }
        let pool = match self.pool() {
            Ok(pool) => pool,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let answer = pool.request(request);
        let limits = [self.connect, self.read].into_iter().flatten().reduce(Duration::saturating_add);
        HttpConnectorFuture::new(async move {
            let answer = match limits {
                Some(limit) => tokio::time::timeout(limit, answer).await.map_err(|_| {
                    ConnectorError::timeout("no answer within the limits of the AWS SDK's own settings".into())
                })?,
                None => answer.await,
            };
            match answer {
                Ok(response) => HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                    .map_err(|error| ConnectorError::other(error.into(), None)),
                Err(error) if error.is_connect() => {
                    Err(ConnectorError::io(NeverConnected(never_connected(error, via.as_ref())).into()))
                }
                Err(error) => Err(ConnectorError::io(error.into())),
            }
        })
    }
}

/// Sends a request over the transport that the program set.
async fn carried(transport: SharedTransport, request: http::Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
    let (head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, REQUEST_CAP).collect().await;
    let body = body.map_err(|error| ConnectorError::user(error))?.to_bytes();
    match transport.send(http::Request::from_parts(head, body)).await {
        Ok(answer) => {
            let stream = |body: cube_sdk_core::transport::Body| {
                // The SDK's bodies are shared between threads, though never read by two.
                StreamBody::new(SyncStream::new(body.into_stream().map(|chunk| chunk.map(hyper::body::Frame::data))))
            };
            HttpResponse::try_from(answer.map(|body| SdkBody::from_body_1_x(stream(body))))
                .map_err(|error| ConnectorError::other(error.into(), None))
        }
        Err(error) if error.kind() == ErrorKind::Connect => Err(ConnectorError::io(NeverConnected(error).into())),
        Err(error) if error.kind() == ErrorKind::Timeout => Err(ConnectorError::timeout(error.into())),
        Err(error) => Err(ConnectorError::io(error.into())),
    }
}

impl HttpClient for AwsHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let (connect, read) = (settings.connect_timeout(), settings.read_timeout());
        SharedHttpConnector::new(Self { connect, read, ..self.clone() })
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

impl fmt::Debug for AwsHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsHttpClient")
            .field("connect", &self.connect)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}
