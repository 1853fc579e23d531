//! From nothing to an upgraded connection: proxy, TCP, TLS, handshake.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::error::{Sent, WhichClock, kind_of_status, request_id_of, retry_after_of};
use cube_sdk_core::redact::{SafeUrl, excerpt};
use cube_sdk_core::retry::Attempt;
use cube_sdk_core::secret::{ExposeSecret as _, bearer};
use cube_sdk_core::transport::never_connected;
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result, SecretString};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Empty;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use crate::ground::reach::{Place, reach};
use crate::ground::{Duplex, handshake, http1, tls};
use crate::refusal::TunnelCode;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::config::{Endpoint, Origin};
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::negotiate::{self, Protocol, Verdict};

/// Opening the WebSocket of a tunnel.
pub(crate) const CONNECT: Operation = Operation::new("tunnel", "connect", Idempotency::Repeatable);

/// What is percent-encoded in a URL: everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The TLS handshake, unless set otherwise; and the head of the answer.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// How much of a refusal's body is read.
const REFUSAL: usize = 4096;

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
pub(crate) async fn link(origin: &Origin, as_first: bool, attempt: &Attempt) -> Result<Link, Failure> {
    let offered = !as_first && origin.protocol != Protocol::V1;
    if !offered && !origin.endpoint.allows_url_key() {
        return Err(Failure::Error(
            Error::new(ErrorKind::Config, "version 1 carries the key in the URL, which needs wss or a loopback host")
                .advice("use wss://, or a relay that speaks version 2"),
        ));
    }
    let key = origin.keys.now().await?;
    let io = transport(origin).await?;
    upgrade(origin, io, &key, offered, attempt).await
}

async fn transport(origin: &Origin) -> Result<Box<dyn Duplex>> {
    let (endpoint, ground) = (&origin.endpoint, &origin.ground);
    let place = Place { host: endpoint.bare_host(), port: endpoint.port(), secure: endpoint.secure() };
    let io = reach(ground, place, None).await?;
    if !endpoint.secure() {
        return Ok(io);
    }
    let config = tls::trusting(ground.roots(), &[]).await?;
    let limit = ground.connect_timeout().unwrap_or(STEP_LIMIT);
    match timeout(limit, tls::handshake(io, endpoint.bare_host(), config)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(cause)) => Err(never_connected(cause, place.via(ground).as_ref())),
        Err(_) => {
            let words = format!("the TLS handshake took longer than {:.1} s", limit.as_secs_f64());
            Err(Error::new(ErrorKind::Connect, words).with_sent(Sent::No).advice("check the network to the relay"))
        }
    }
}

fn request(origin: &Origin, key: &SecretString, nonce: &str, offered: bool) -> Result<Request<Empty<Bytes>>> {
    let (endpoint, ground) = (&origin.endpoint, &origin.ground);
    let path = endpoint.path();
    let uri = match offered {
        true => path.to_owned(),
        false => format!("{path}?token={}", utf8_percent_encode(key.expose_secret(), RESERVED)),
    };
    let mut request =
        handshake::request(&uri, &endpoint.authority(), nonce).header(header::USER_AGENT, ground.user_agent());
    if offered {
        request = request
            .header(header::SEC_WEBSOCKET_PROTOCOL, format!("{}, {}", negotiate::V2, negotiate::V1))
            .header(header::AUTHORIZATION, bearer(key)?);
    }
    let mut request = request
        .body(Empty::new())
        .map_err(|_| Error::new(ErrorKind::Config, "the relay's URL cannot stand in an HTTP request"))?;
    if let Some(context) = ground.trace_context() {
        context.inject(request.headers_mut());
    }
    Ok(request)
}

/// How long the answer to the handshake may take.
fn answer_limit(origin: &Origin) -> Duration {
    let mut own = Clocks::default();
    own.first_byte = STEP_LIMIT;
    origin.ground.clocks(own).first_byte
}

fn broke(cause: hyper::Error) -> Error {
    Error::new(ErrorKind::Transport, format!("the relay broke off during the handshake: {cause}"))
        .advice("check that the address is a relay's, and that what stands before it passes WebSocket upgrades on")
        .cause(cause)
}

async fn upgrade(
    origin: &Origin,
    io: Box<dyn Duplex>,
    key: &SecretString,
    offered: bool,
    attempt: &Attempt,
) -> Result<Link, Failure> {
    let nonce = handshake::key()?;
    let request = request(origin, key, &nonce, offered)?;
    let limit = answer_limit(origin);
    let Ok(answered) = timeout(limit, http1::call(io, request)).await else {
        let words = format!("the relay did not answer within {:.1} s", limit.as_secs_f64());
        return Err(Failure::Error(
            Error::new(ErrorKind::Timeout, words).with_clock(WhichClock::FirstByte).with_sent(Sent::Unknown),
        ));
    };
    let answer = answered.map_err(broke)?;
    let (status, marked) = (answer.status(), answer.headers().contains_key(negotiate::MARK));
    attempt.answered(Some(status.as_u16()), request_id_of(answer.headers()).as_deref());
    let verdict = negotiate::judge(origin.protocol, offered, status, answer.headers());
    let certain = !offered || marked;
    let version = match verdict {
        Verdict::Speak(version) => version,
        Verdict::FallBack | Verdict::Refused => {
            let headers = answer.headers().clone();
            let body = timeout(limit, answer.body(REFUSAL)).await;
            let error =
                refused(&origin.endpoint, status, &headers, &body.ok().and_then(Result::ok).unwrap_or_default());
            return Err(match (verdict, marked, status) {
                (Verdict::FallBack, ..) if origin.endpoint.allows_url_key() => Failure::FallBack(error),
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

/// What a refusal says, and what to do about it.
fn refused(endpoint: &Endpoint, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    #[derive(serde::Deserialize)]
    struct Body {
        code: String,
        #[serde(default)]
        message: String,
    }
    let after = retry_after_of(headers, SystemTime::now());
    let known = serde_json::from_slice::<Body>(body)
        .ok()
        .and_then(|body| TunnelCode::from_name(&body.code).map(|code| TunnelFault::new(code, body.message)));
    let error = match known {
        Some(fault) => fault.into_error().with_kind(kind_of_status(status)),
        None => {
            let text = excerpt(body);
            let to = elsewhere(endpoint, headers).filter(|_| status.is_redirection());
            let said = match (&to, text.is_empty()) {
                (Some(to), _) => format!("the relay's address leads elsewhere: {to}"),
                (None, true) => format!("the relay answered {status} in place of a WebSocket"),
                (None, false) => format!("the relay answered {status} in place of a WebSocket: {text}"),
            };
            let next = match status.as_u16() {
                300..=399 if to.is_some() => "give the address that it leads to, if it is the relay's",
                401 | 403 => "check the key, and that it may open tunnels",
                404 | 405 | 410 => "check the path of the relay's URL",
                429 | 500..=599 => "try again later, or ask who runs the relay",
                _ => "check that the URL is a relay's, and that what stands before it passes WebSocket upgrades on",
            };
            Error::new(kind_of_status(status), said).advice(next)
        }
    };
    error.with_status(status).with_retry_after(after)
}

/// Where a redirect points, without secrets.
fn elsewhere(endpoint: &Endpoint, headers: &HeaderMap) -> Option<String> {
    let to = headers.get(header::LOCATION)?.to_str().ok()?;
    Some(SafeUrl(&endpoint.url().join(to).ok()?).to_string())
}
