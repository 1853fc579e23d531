//! From nothing to an upgraded connection: proxy, TCP, TLS, handshake.

use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::error::{Sent, kind_of_status, retry_after_of};
use cube_sdk_core::redact::excerpt;
use cube_sdk_core::secret::{ExposeSecret as _, bearer, trimmed};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result, SecretString};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Empty;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;

use crate::ground::Duplex;
use crate::ground::proxy::Proxy;
use crate::ground::{handshake, http1, tls};
use crate::refusal::TunnelCode;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::config::{Endpoint, Settings};
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::negotiate::{self, Protocol, Verdict};

/// Opening the WebSocket of a tunnel.
pub(crate) const CONNECT: Operation = Operation::new("tunnel", "connect", Idempotency::Repeatable);

/// What is percent-encoded in a URL: everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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

/// Opens a connection; `as_first` speaks version 1 with the key in the URL.
pub(crate) fn connect(settings: &Settings, as_first: bool) -> BoxFuture<'_, Result<Link, Failure>> {
    Box::pin(attempt(settings, as_first))
}

async fn attempt(settings: &Settings, as_first: bool) -> Result<Link, Failure> {
    let named = |error: Error| error.with_operation(CONNECT).with_target(settings.endpoint.to_string());
    let inner = async {
        let key = trimmed(&settings.key.key().await?)?;
        let offered = !as_first && settings.protocol != Protocol::V1;
        if !offered && !settings.endpoint.allows_url_key() {
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
    let proxy = Proxy::for_url(&settings.proxy, endpoint.url())?;
    let address = match &proxy {
        Some(proxy) => proxy.address(),
        None => format!("{}:{}", endpoint.host(), endpoint.port()),
    };
    let tcp = in_time("the TCP connection", TcpStream::connect(&address))
        .await?
        .map_err(|cause| Error::new(ErrorKind::Connect, format!("could not reach {address}: {cause}")).cause(cause))?;
    tcp.set_nodelay(true).ok();
    let io: Box<dyn Duplex> = match &proxy {
        Some(proxy) => in_time("the proxy's answer", proxy.open(tcp, endpoint.url())).await??,
        None if !endpoint.secure() => return Ok(Box::new(tcp)),
        None => return encrypted(settings, tcp).await,
    };
    if endpoint.secure() { encrypted(settings, io).await } else { Ok(io) }
}

async fn encrypted(settings: &Settings, io: impl Duplex + 'static) -> Result<Box<dyn Duplex>> {
    let host = settings.endpoint.bare_host();
    let config = tls::client(settings.roots.verifier().await?, None, &[])?;
    let stream = in_time("the TLS handshake", tls::handshake(io, host, config)).await?.map_err(|cause| {
        Error::new(ErrorKind::Connect, format!("TLS with {host} failed: {cause}"))
            .advice("if the relay's certificate is of a private authority, give its CA file")
            .cause(cause)
    })?;
    Ok(Box::new(stream))
}

fn request(endpoint: &Endpoint, key: &SecretString, nonce: &str, offered: bool) -> Result<Request<Empty<Bytes>>> {
    let path = endpoint.path();
    let uri = if offered {
        path.to_owned()
    } else {
        format!("{path}?token={}", utf8_percent_encode(key.expose_secret(), RESERVED))
    };
    let mut request = handshake::request(&uri, &endpoint.authority(), nonce)
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
    let answer =
        answered.map_err(|late| late.with_kind(ErrorKind::Timeout).with_sent(Sent::Unknown))?.map_err(broke)?;
    let (status, marked) = (answer.status(), answer.headers().contains_key(negotiate::MARK));
    let verdict = negotiate::judge(settings.protocol, offered, status, answer.headers());
    let certain = !offered || marked;
    let version = match verdict {
        Verdict::Speak(version) => version,
        Verdict::FallBack | Verdict::Refused => {
            let headers = answer.headers().clone();
            let body = tokio::time::timeout(STEP_LIMIT, answer.body(4096)).await;
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            let error = status_error(status, &headers, &body);
            return Err(match (verdict, marked, status) {
                (Verdict::FallBack, ..) if settings.endpoint.allows_url_key() => Failure::FallBack(error),
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
    if let Some(fault) = handshake::fault(answer.version(), answer.headers(), &nonce) {
        return Err(Failure::Error(Error::new(ErrorKind::Protocol, format!("the relay's 101 has a wrong {fault}"))));
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
