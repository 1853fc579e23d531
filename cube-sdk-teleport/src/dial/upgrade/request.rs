//! Asking for the upgrade, and saying exactly what is wrong with the answer.

use bytes::Bytes;
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind, Result, redact};
use http::{HeaderMap, StatusCode, Version, header};
use http_body_util::Empty;

use super::WebSocketIo;
use crate::app_fault::AppFault;
use crate::ground::http1::{self, Answer};
use crate::ground::{Duplex, handshake};

/// Where the proxy listens for upgrades.
pub(crate) const PATH: &str = "/webapi/connectionupgrade";
const PROTOCOL: &str = "alpn-ping";
/// How much of a refusal's body is read for the error's text.
const EXCERPT: usize = 64 * 1024;

/// Upgrades a connection that has passed TLS to the balancer.
///
/// # Errors
/// [`AppFault::UpgradeStripped`] with the status and the header at fault; `Unavailable` for 502 to 504.
pub(crate) async fn upgrade(io: impl Duplex + 'static, host: &str) -> Result<WebSocketIo<Box<dyn Duplex>>> {
    let key = handshake::key()?;
    let request = handshake::request(PATH, host, &key)
        .header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .body(Empty::<Bytes>::new())
        .map_err(|cause| Error::new(ErrorKind::Config, "the proxy's address is no HTTP host").cause(cause))?;
    let answer = http1::call(Box::new(io), request).await.map_err(broke)?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refused(answer).await);
    }
    check_switch(answer.version(), answer.headers(), &key)?;
    let (io, early) = answer.upgrade().await.map_err(broke)?;
    Ok(WebSocketIo::new(io, early))
}

fn broke(cause: hyper::Error) -> Error {
    AppFault::ProxyUnreachable.error("the connection broke during the connection upgrade").cause(cause)
}

/// Is this 101 the proxy's own? Each header that a balancer may have lost is named.
fn check_switch(version: Version, headers: &HeaderMap, key: &str) -> Result<()> {
    let chosen = headers.get(header::SEC_WEBSOCKET_PROTOCOL).is_some_and(|value| value == PROTOCOL);
    match handshake::fault(version, headers, key).or((!chosen).then_some("Sec-WebSocket-Protocol")) {
        None => Ok(()),
        Some(fault) => Err(AppFault::UpgradeStripped
            .error(format_args!("the connection upgrade was granted with a missing or wrong {fault} header"))
            .with_status(StatusCode::SWITCHING_PROTOCOLS)
            .with_sent(Sent::Yes)),
    }
}

async fn refused(answer: Answer) -> Error {
    let status = answer.status();
    let detail = match status {
        StatusCode::NOT_FOUND => "nothing at this address knows the connection upgrade",
        StatusCode::BAD_REQUEST => "the request arrived without its Upgrade and Connection headers",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            return AppFault::UpgradeStripped
                .error("the balancer does not reach the proxy")
                .with_kind(ErrorKind::Unavailable)
                .advice("check that the proxy runs and that the balancer counts it as healthy")
                .with_status(status);
        }
        _ => "the request was answered in place of being upgraded",
    };
    let body = answer.body(EXCERPT).await.map(|body| redact::excerpt(&body)).unwrap_or_default();
    let said = if body.is_empty() { String::new() } else { format!(": {body}") };
    AppFault::UpgradeStripped.error(format_args!("{detail}{said}")).with_status(status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app_fault::AppErrorExt;

    fn headers(without: &str) -> HeaderMap {
        let all = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", "alpn-ping"),
        ];
        all.iter()
            .filter(|(name, _)| *name != without)
            .map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_lost_header_is_named() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        assert!(check_switch(Version::HTTP_11, &headers(""), key).is_ok());
        for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] {
            let error = check_switch(Version::HTTP_11, &headers(&name.to_lowercase()), key).unwrap_err();
            assert_eq!(error.app_fault(), Some(&AppFault::UpgradeStripped));
            assert!(error.to_string().contains(&format!("wrong {name} header")), "{error}");
        }
    }
}
