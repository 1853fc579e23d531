//! Asking for the upgrade, and saying exactly what is wrong with the answer.

use std::future::poll_fn;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind, Result, redact};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::WebSocketIo;
use crate::app_fault::AppFault;

/// Where the proxy listens for upgrades.
pub(crate) const PATH: &str = "/webapi/connectionupgrade";
const PROTOCOL: &str = "alpn-ping";
/// Of RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How much of a refusal's body is read for the error's text.
const EXCERPT: usize = 64 * 1024;

/// Upgrades a connection that has passed TLS to the balancer.
///
/// # Errors
/// [`AppFault::UpgradeStripped`] with the status and the header at fault; `Unavailable` for 502 to 504.
pub(crate) async fn upgrade<S>(io: S, host: &str) -> Result<WebSocketIo<S>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let key = STANDARD.encode(nonce());
    let request = Request::get(PATH)
        .header(header::HOST, host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
        .body(Empty::<Bytes>::new())
        .map_err(|cause| Error::new(ErrorKind::Config, "the proxy's address is no HTTP host").cause(cause))?;
    let (mut sender, mut connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(broke)?;
    // No task is spawned: the connection is driven beside the request, then taken apart.
    let exchange = async {
        let response = sender.send_request(request).await.map_err(broke)?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => check_switch(response.headers(), &key),
            _ => Err(refused(response).await),
        }
    };
    tokio::pin!(exchange);
    let mut driven = false;
    let outcome = tokio::select! {
        biased;
        outcome = &mut exchange => outcome,
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => {
            driven = true;
            ended.map_err(broke)?;
            exchange.await
        }
    };
    outcome?;
    if !driven {
        poll_fn(|cx| connection.poll_without_shutdown(cx)).await.map_err(broke)?;
    }
    let parts = connection.into_parts();
    Ok(WebSocketIo::new(parts.io.into_inner(), parts.read_buf))
}

/// 16 bytes that need not be secret, only different.
fn nonce() -> [u8; 16] {
    let mut key = [0; 16];
    // Failure leaves zeros, which are as valid a key as any.
    aws_lc_rs::rand::fill(&mut key).ok();
    key
}

fn broke(cause: hyper::Error) -> Error {
    AppFault::ProxyUnreachable.error("the connection broke during the connection upgrade").cause(cause)
}

/// Is this 101 the proxy's own? Each header that a balancer may have lost is named.
fn check_switch(headers: &HeaderMap, key: &str) -> Result<()> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    let fault = if !text(header::UPGRADE).eq_ignore_ascii_case("websocket") {
        "Upgrade"
    } else if !text(header::CONNECTION).to_ascii_lowercase().contains("upgrade") {
        "Connection"
    } else if text(header::SEC_WEBSOCKET_ACCEPT) != STANDARD.encode(digest) {
        "Sec-WebSocket-Accept"
    } else if text(header::SEC_WEBSOCKET_PROTOCOL) != PROTOCOL {
        "Sec-WebSocket-Protocol"
    } else {
        return Ok(());
    };
    Err(AppFault::UpgradeStripped
        .error(format_args!("the connection upgrade was granted with a missing or wrong {fault} header"))
        .with_status(StatusCode::SWITCHING_PROTOCOLS)
        .with_sent(Sent::Yes))
}

async fn refused(response: Response<Incoming>) -> Error {
    let status = response.status();
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
    let body = Limited::new(response.into_body(), EXCERPT).collect().await;
    let body = body.map(|body| redact::excerpt(&body.to_bytes())).unwrap_or_default();
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
        assert!(check_switch(&headers(""), key).is_ok());
        for name in ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] {
            let error = check_switch(&headers(&name.to_lowercase()), key).unwrap_err();
            assert_eq!(error.app_fault(), Some(&AppFault::UpgradeStripped));
            assert!(error.to_string().contains(&format!("wrong {name} header")), "{error}");
        }
    }
}
