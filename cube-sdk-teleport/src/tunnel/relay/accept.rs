//! The request before the upgrade: who asks, and for which version.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::SecretString;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::places::{Full, Place};
use super::{Relay, RelayEvent, Shared};
use crate::ground::handshake;
use crate::refusal::{Refusal, TunnelCode, clipped};
use crate::seam::Caller;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::negotiate;

/// Seconds that a caller is asked to wait when there is no room.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// How long an authorizer may look at a key.
const AUTHORIZER_LIMIT: Duration = Duration::from_secs(10);

/// A request that may be upgraded. Dropping it frees its place.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
///
/// use cube_sdk_teleport::dial::{DirectDialer, Route};
/// use cube_sdk_teleport::tunnel::{Caller, Relay, authorizer_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let door = authorizer_fn(
///     |_key, _peer| async { Ok(Caller::new("first")) },
///     |_caller, app| async { Ok(Route::new(app, "127.0.0.1:5432")) },
/// );
/// let relay = Relay::builder().build(door, DirectDialer::new());
///
/// // In a handler of your own HTTP server: the request's head, and who sent it.
/// let head = |key: &str| {
///     let request = http::Request::get("/tunnel").header("connection", "upgrade").header("upgrade", "websocket");
///     let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", key);
///     request.header("authorization", "Bearer cube_k1").body(()).map(|request| request.into_parts().0)
/// };
/// let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
/// let accepted = relay.accept(&head("dGhlIHNhbXBsZSBub25jZQ==")?, peer).await.expect("it may come in");
/// assert_eq!(accepted.response().status(), 101); // send it, then accepted.run(upgraded).await
/// let refused = relay.accept(&head("no key")?, peer).await.expect_err("it may not");
/// assert_eq!(refused.status(), 400); // send it as it is
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Accepted {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    pub(super) caller: Caller,
    pub(super) version: Version,
    pub(super) peer: SocketAddr,
    accept: String,
    named: Option<&'static str>,
}

impl Accepted {
    /// The 101 to answer with.
    pub fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(named) = self.named {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(named));
        }
        headers.insert(negotiate::MARK, negotiate::MARK_VALUE);
        response
    }

    /// Who came in.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The version that was agreed on.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted").field("caller", &self.caller).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Relay {
    /// Judges a request: the handshake's headers, room, and the key.
    ///
    /// # Errors
    /// The answer to send instead of 101, complete and marked: 400 or 426 (no WebSocket handshake), 401, 403,
    /// 429 or 503 with `Retry-After`; the body is JSON `{"code": …, "message": …}`.
    ///
    /// # Cancel safety
    /// Safe; nothing is kept.
    pub async fn accept(&self, request: &Parts, peer: SocketAddr) -> Result<Accepted, Response<Bytes>> {
        match self.judge(request, peer).await {
            Ok(accepted) => Ok(accepted),
            Err((status, name, message)) => {
                self.0.tell(|| RelayEvent::Refused {
                    peer,
                    status: status.as_u16(),
                    code: name,
                    message: message.clone(),
                });
                Err(refused(status, name, &message))
            }
        }
    }

    /// Asks the authorizer, which may hang or panic.
    async fn authenticate(&self, key: &SecretString, peer: SocketAddr) -> Result<Caller, Refusal> {
        let asked = AssertUnwindSafe(async { self.0.authorizer.authenticate(key, peer).await }).catch_unwind();
        match tokio::time::timeout(AUTHORIZER_LIMIT, asked).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                tracing::error!(%peer, "the authorizer panicked");
                Err(Refusal::new(TunnelCode::Internal, "the relay failed while it looked at the key"))
            }
            Err(_) => Err(Refusal::new(TunnelCode::Draining, "the relay could not look at the key in time")),
        }
    }

    async fn judge(&self, request: &Parts, peer: SocketAddr) -> Result<Accepted, (StatusCode, &'static str, String)> {
        let key = websocket_key(request)?;
        let (version, named) = negotiate::choose(&request.headers);
        let plain = |refusal: Refusal| (refusal.code.status(), refusal.code.name(), refusal.message);
        if self.0.drain.borrow().is_some() {
            return Err(plain(Refusal::new(TunnelCode::Draining, "the relay is about to stop")));
        }
        let mut refusal = Refusal::new(TunnelCode::BadKey, "no key was sent");
        let mut caller = None;
        for key in keys(request, version) {
            match self.authenticate(&key, peer).await {
                Ok(found) => {
                    caller = Some(found);
                    break;
                }
                Err(why) => {
                    let other_reading = why.code == TunnelCode::BadKey;
                    refusal = why;
                    if !other_reading {
                        break;
                    }
                }
            }
        }
        let Some(caller) = caller else { return Err(plain(refusal)) };
        let place = self.0.places.take(caller.shared_id()).map_err(|full| match full {
            Full::Caller(refusal) => plain(refusal),
            Full::Relay(refusal) => (StatusCode::SERVICE_UNAVAILABLE, refusal.code.name(), refusal.message),
        })?;
        let accept = handshake::accept(key);
        Ok(Accepted { shared: Arc::clone(&self.0), place, caller, version, peer, accept, named })
    }
}

fn websocket_key(request: &Parts) -> Result<&[u8], (StatusCode, &'static str, String)> {
    let headers = &request.headers;
    let bad = |what: &str| (StatusCode::BAD_REQUEST, "bad_request", what.to_owned());
    // An upgrade in an older version is to be ignored (RFC 9110, section 7.8).
    if request.version < http::Version::HTTP_11 {
        return Err((StatusCode::UPGRADE_REQUIRED, "bad_request", "use HTTP/1.1".to_owned()));
    }
    if request.method != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "bad_request", "use GET".to_owned()));
    }
    if !handshake::has_token(headers, header::UPGRADE, "websocket")
        || !handshake::has_token(headers, header::CONNECTION, "upgrade")
    {
        return Err((StatusCode::UPGRADE_REQUIRED, "bad_request", "this is a websocket endpoint".to_owned()));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err((StatusCode::UPGRADE_REQUIRED, "bad_request", "use websocket version 13".to_owned()));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| bad("Sec-WebSocket-Key is missing"))?;
    if !handshake::is_key(key.as_bytes()) {
        return Err(bad("Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    Ok(key.as_bytes())
}

/// The key as it may be meant: from the header, else, in version 1, the URL's token raw and percent-decoded.
fn keys(request: &Parts, version: Version) -> Vec<SecretString> {
    if let Some(value) = request.headers.get(header::AUTHORIZATION) {
        let key = value.to_str().ok().and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        return key.filter(|key| !key.is_empty()).map(SecretString::from).into_iter().collect();
    }
    if version != Version::V1 {
        return Vec::new();
    }
    let Some(query) = request.uri.query() else { return Vec::new() };
    // The published agent inserts the key as it is, so that a key with `&` runs to the end.
    let Some(whole) = query.strip_prefix("token=").or_else(|| query.split_once("&token=").map(|(_, rest)| rest)) else {
        return Vec::new();
    };
    let part = whole.split('&').next().unwrap_or_default();
    let mut readings =
        vec![whole.to_owned(), part.to_owned(), percent_decode_str(part).decode_utf8_lossy().into_owned()];
    readings.dedup();
    readings.retain(|reading| !reading.is_empty());
    readings.into_iter().map(SecretString::from).collect()
}

/// A refusal as an HTTP answer.
pub(super) fn refused(status: StatusCode, code: &'static str, message: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "code": code, "message": clipped(message) }).to_string();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(negotiate::MARK, negotiate::MARK_VALUE);
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cube_sdk_core::secret::ExposeSecret as _;

    use super::*;

    fn readings(uri: &str, authorization: Option<&str>, version: Version) -> Vec<String> {
        let mut request = http::Request::get(uri);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        keys(&parts, version).iter().map(|key| key.expose_secret().to_owned()).collect()
    }

    #[test]
    fn keys_are_read_from_the_header_then_from_the_url() {
        assert_eq!(readings("/tunnel?token=k+/&x", None, Version::V1), ["k+/&x", "k+/"]);
        assert_eq!(readings("/tunnel?token=k%2B%2f%26", None, Version::V1), ["k%2B%2f%26", "k+/&"]);
        assert_eq!(readings("/tunnel?a=b&token=k%zz", None, Version::V1), ["k%zz"]);
        assert!(readings("/tunnel?token=k", None, Version::V2).is_empty(), "version 2 reads no url");
        assert_eq!(readings("/tunnel?token=k", Some("bearer h"), Version::V1), ["h"]);
        assert!(readings("/tunnel?token=k", Some("Basic h"), Version::V1).is_empty());
        assert!(readings("/tunnel", None, Version::V1).is_empty());
    }
}
