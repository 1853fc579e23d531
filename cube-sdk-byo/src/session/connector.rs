//! How connections to S3 and STS are made: directly or by a proxy, and with prompt acknowledgements.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use cube_sdk_core::settings::{Proxies, Via};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

use super::prompt_ack::{PromptAck, PromptAckConnector};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to where a request goes, or to the proxy in front of it.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: PromptAckConnector,
    /// To proxies whose own way is TLS.
    to_proxy: HttpsConnector<PromptAckConnector>,
    proxies: Proxies,
}

impl Connector {
    pub(crate) fn new(tcp: PromptAckConnector, tls: rustls::ClientConfig, proxies: Proxies) -> Self {
        Self { to_proxy: HttpsConnector::from((tcp.clone(), tls)), tcp, proxies }
    }
}

/// A connection on which requests, or the TLS that carries them, begin.
pub(crate) struct Hop {
    io: MaybeHttpsStream<PromptAck>,
    /// Requests name the whole URL: the peer is a proxy.
    absolute: bool,
}

impl Service<Uri> for Connector {
    type Response = Hop;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Hop, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(via) = self.proxies.intercept(&target) else {
            let connecting = self.tcp.call(target);
            return Box::pin(async move { Ok(Hop { io: MaybeHttpsStream::Http(connecting.await?), absolute: false }) });
        };
        if target.scheme_str() == Some("https") {
            return Box::pin(through(via, self.to_proxy.clone(), target));
        }
        let connecting = self.to_proxy.call(via.uri);
        Box::pin(async move { Ok(Hop { io: connecting.await?, absolute: true }) })
    }
}

/// CONNECT: the server's own TLS runs within.
async fn through(via: Via, connector: HttpsConnector<PromptAckConnector>, target: Uri) -> Result<Hop, BoxError> {
    let mut tunnel = Tunnel::new(via.uri, connector);
    if let Some(authorization) = via.authorization {
        tunnel = tunnel.with_auth(authorization);
    }
    Ok(Hop { io: tunnel.call(target).await?, absolute: false })
}

impl Connection for Hop {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.absolute)
    }
}

impl Read for Hop {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Hop {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
