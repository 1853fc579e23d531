//! From nothing to an upgraded connection: proxy, TCP, TLS, handshake.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::error::{Sent, WhichClock, kind_of_status, retry_after_of};
use cube_sdk_core::redact::excerpt;
use cube_sdk_core::secret::{ExposeSecret as _, bearer, trimmed};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result, SecretString};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Empty;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::code::TunnelCode;
use super::frame::Version;
use super::negotiate::{self, Protocol, Verdict};
use super::proxy::Proxy;
use super::websocket::handshake;
use super::{http1, percent, tls};
use crate::config::{Endpoint, Settings};
use crate::dial::Duplex;
use crate::fault::TunnelFault;

/// Opening the WebSocket of a tunnel.
pub(crate) const CONNECT: Operation = Operation::new("tunnel", "connect", Idempotency::Repeatable);

/// DNS and TCP together; the TLS handshake; the answer's head: each may take this long.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// An upgraded connection.
pub(crate) struct Link {
    pub(crate) io: Box<dyn Duplex>,
    pub(crate) version: Version,
    /// Bytes that came with the answer.
    pub(crate) read_ahead: Bytes,
    /// The relay knows version 2, or the key already went in the URL: an early end needs no second try.
    pub(crate) certain: bool,
}

/// Why there is no connection.
pub(crate) enum Failure {
    /// Try once more as version 1.
    FallBack(Error),
    /// A marked 401 or 403: trying again does not help.
    Final(Error),
    /// Anything else.
    Error(Error),
}

impl Failure {
    pub(crate) fn into_error(self) -> Error {
        let (Self::FallBack(error) | Self::Final(error) | Self::Error(error)) = self;
        error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// May the key travel in the URL?
pub(crate) fn allows_url_key(endpoint: &Endpoint) -> bool {
    endpoint.secure() || endpoint.is_loopback()
}

/// Opens a connection; `as_first` speaks version 1 with the key in the URL.
pub(crate) fn connect(settings: &Settings, as_first: bool) -> BoxFuture<'_, Result<Link, Failure>> {
    Box::pin(attempt(settings, as_first))
}

async fn attempt(settings: &Settings, as_first: bool) -> Result<Link, Failure> {
    let named = |error: Error| error.with_operation(CONNECT).with_target(settings.endpoint.to_string());
    let inner = async {
        let key = trimmed(&settings.key.key().await?)?;
        let offered = !as_first && settings.protocol != Protocol::V1;
        if !offered && !allows_url_key(&settings.endpoint) {
            return Err(Failure::Error(
                Error::new(
                    ErrorKind::Config,
                    "version 1 carries the key in the URL, which needs wss or a loopback host",
                )
                .advice("use wss://, or a relay that speaks version 2"),
            ));
        }
        let io = transport(settings).await?;
        upgrade(settings, io, &key, offered).await
    };
    inner.await.map_err(|failure| match failure {
        Failure::FallBack(error) => Failure::FallBack(named(error)),
        Failure::Final(error) => Failure::Final(named(error)),
        Failure::Error(error) => Failure::Error(named(error)),
    })
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(STEP_LIMIT, work).await.map_err(|_| {
        Error::new(ErrorKind::Connect, format!("{what} took longer than {} s", STEP_LIMIT.as_secs()))
            .with_sent(Sent::No)
    })
}

async fn transport(settings: &Settings) -> Result<Box<dyn Duplex>> {
    let endpoint = &settings.endpoint;
    let proxy = Proxy::for_endpoint(&settings.proxy, endpoint)?;
    let address = match &proxy {
        Some(proxy) => proxy.address(),
        None => format!("{}:{}", endpoint.host(), endpoint.port()),
    };
    let tcp = in_time("the TCP connection", TcpStream::connect(&address))
        .await?
        .map_err(|cause| Error::new(ErrorKind::Connect, format!("could not reach {address}: {cause}")).cause(cause))?;
    tcp.set_nodelay(true).ok();
    let io: Box<dyn Duplex> = match &proxy {
        Some(proxy) => in_time("the proxy's answer", proxy.open(tcp, endpoint)).await??,
        None if !endpoint.secure() => return Ok(Box::new(tcp)),
        None => return encrypted(settings, tcp).await,
    };
    if endpoint.secure() { encrypted(settings, io).await } else { Ok(io) }
}

async fn encrypted(settings: &Settings, io: impl Duplex + 'static) -> Result<Box<dyn Duplex>> {
    let host = settings.endpoint.bare_host().to_owned();
    let name = rustls::pki_types::ServerName::try_from(host.clone())
        .map_err(|cause| Error::new(ErrorKind::Config, format!("`{host}` is no name for TLS")).cause(cause))?;
    let connector = TlsConnector::from(Arc::new(tls::client(settings.ca.as_deref())?));
    let stream = in_time("the TLS handshake", connector.connect(name, io)).await?.map_err(|cause| {
        Error::new(ErrorKind::Connect, format!("TLS with {host} failed: {cause}"))
            .advice("if the relay's certificate is of a private authority, give its CA file")
            .cause(cause)
    })?;
    Ok(Box::new(stream))
}

fn request(endpoint: &Endpoint, key: &SecretString, nonce: &str, offered: bool) -> Result<Request<Empty<Bytes>>> {
    let path = endpoint.path();
    let uri = if offered { path.to_owned() } else { format!("{path}?token={}", percent::encoded(key.expose_secret())) };
    let mut request = Request::get(uri)
        .header(header::HOST, endpoint.authority())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, nonce)
        .header(header::USER_AGENT, concat!("cube-sdk-teleport/", env!("CARGO_PKG_VERSION")));
    if offered {
        request = request
            .header(header::SEC_WEBSOCKET_PROTOCOL, format!("{}, {}", negotiate::V2, negotiate::V1))
            .header(header::AUTHORIZATION, bearer(key)?);
    }
    request
        .body(Empty::new())
        .map_err(|_| Error::new(ErrorKind::Config, "the relay's URL cannot stand in an HTTP request"))
}

fn broke(cause: hyper::Error) -> Error {
    Error::new(ErrorKind::Transport, format!("the relay broke off during the handshake: {cause}")).cause(cause)
}

async fn upgrade(settings: &Settings, io: Box<dyn Duplex>, key: &SecretString, offered: bool) -> Result<Link, Failure> {
    let nonce = handshake::key()?;
    let request = request(&settings.endpoint, key, &nonce, offered)?;
    let answered = in_time("the relay's answer", http1::call(io, request)).await;
    let answer = answered
        .map_err(|late| late.with_kind(ErrorKind::Timeout).with_clock(WhichClock::FirstByte).with_sent(Sent::Unknown))?
        .map_err(broke)?;
    let (status, marked) = (answer.status(), answer.headers().contains_key(negotiate::MARK));
    let verdict = negotiate::judge(settings.protocol, offered, status, answer.headers());
    let certain = !offered || marked;
    let version = match verdict {
        Verdict::Speak(version) => version,
        Verdict::FallBack | Verdict::Refused => {
            let headers = answer.headers().clone();
            let body = tokio::time::timeout(STEP_LIMIT, answer.body(4096)).await.unwrap_or_default();
            let error = status_error(status, &headers, &body);
            return Err(match (verdict, marked, status) {
                (Verdict::FallBack, ..) if allows_url_key(&settings.endpoint) => Failure::FallBack(error),
                (_, true, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Failure::Final(error),
                _ => Failure::Error(error),
            });
        }
        Verdict::Unsupported => {
            return Err(Failure::Error(
                Error::new(ErrorKind::Unsupported, "the relay does not speak version 2 of the tunnel")
                    .advice("allow version 1, or update the relay"),
            ));
        }
        Verdict::Broken => {
            return Err(Failure::Error(Error::new(ErrorKind::Protocol, "the relay chose a subprotocol not offered")));
        }
    };
    let accept = answer.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|accept| accept.as_bytes() != handshake::accept(nonce.as_bytes()).as_bytes()) {
        return Err(Failure::Error(Error::new(ErrorKind::Protocol, "the relay's Sec-WebSocket-Accept is wrong")));
    }
    let (io, read_ahead) = answer.upgrade().await.map_err(broke)?;
    Ok(Link { io, version, read_ahead, certain })
}

fn status_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    #[derive(serde::Deserialize)]
    struct Body {
        code: String,
        #[serde(default)]
        message: String,
    }
    let after = retry_after_of(headers, std::time::SystemTime::now());
    let known = serde_json::from_slice::<Body>(body)
        .ok()
        .and_then(|body| TunnelCode::from_name(&body.code).map(|code| TunnelFault::new(code, body.message)));
    let error = match known {
        Some(fault) => fault.into_error().with_kind(kind_of_status(status)),
        None => {
            let text = excerpt(body);
            let said = if text.is_empty() { "the relay refused".to_owned() } else { format!("the relay said: {text}") };
            Error::new(kind_of_status(status), said)
        }
    };
    error.with_status(status).with_retry_after(after)
}
