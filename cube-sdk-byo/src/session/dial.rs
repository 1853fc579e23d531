//! Connections to S3, STS and where keys are found: direct or by a proxy, TLS where the URL says so.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::Result;
use cube_sdk_core::settings::{Ground, Proxies, Via};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tower_service::Service;

use super::prompt_ack::{PromptAck, PromptAckConnector};

type Cause = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = std::result::Result<T, Cause>> + Send>>;

/// Makes connections, TLS included, within one limit.
#[derive(Clone)]
pub(crate) struct Dial {
    connector: HttpsConnector<Lines>,
    limit: Duration,
}

impl Dial {
    /// # Errors
    /// `Config` when rustls takes no configuration at all. A missing trust store shows at the first handshake.
    pub(crate) fn new(ground: &Ground, limit: Duration) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        tcp.enforce_http(false);
        let config = ground.roots().client_config()?;
        let tls = || HttpsConnectorBuilder::new().with_tls_config(config.clone()).https_or_http().enable_http1();
        let tcp = PromptAckConnector(tcp);
        let proxy = tls().wrap_connector(tcp.clone());
        let lines = Lines { tcp, proxy, proxies: ground.proxies().clone() };
        Ok(Self { connector: tls().wrap_connector(lines), limit })
    }
}

impl Service<Uri> for Dial {
    type Response = MaybeHttpsStream<Line>;
    type Error = Cause;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), Cause>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.connector.call(target));
        let limit = self.limit;
        Box::pin(async move {
            connecting.await.unwrap_or_else(|_| {
                let words = format!("no connection within {} s", limit.as_secs_f64());
                Err(io::Error::new(io::ErrorKind::TimedOut, words).into())
            })
        })
    }
}

/// Lines that TLS to the server may go over.
#[derive(Clone)]
struct Lines {
    tcp: PromptAckConnector,
    proxy: HttpsConnector<PromptAckConnector>,
    proxies: Proxies,
}

impl Service<Uri> for Lines {
    type Response = Line;
    type Error = Cause;
    type Future = Connecting<Line>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self.proxies.intercept(&target) {
            None => {
                let connecting = self.tcp.call(target);
                Box::pin(async move { Ok(Line { io: MaybeHttpsStream::Http(connecting.await?), proxied: false }) })
            }
            Some(via) if target.scheme_str() == Some("https") => {
                let connecting = tunnel(&via, self.proxy.clone()).call(target);
                Box::pin(async move { Ok(Line { io: connecting.await?, proxied: false }) })
            }
            // The request itself names the server.
            Some(via) => {
                let connecting = self.proxy.call(via.uri);
                Box::pin(async move { Ok(Line { io: connecting.await?, proxied: true }) })
            }
        }
    }
}

fn tunnel(via: &Via, line: HttpsConnector<PromptAckConnector>) -> Tunnel<HttpsConnector<PromptAckConnector>> {
    let tunnel = Tunnel::new(via.uri.clone(), line);
    match &via.authorization {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    }
}

/// A connection to a server, or to a proxy on the way to it.
pub(crate) struct Line {
    io: MaybeHttpsStream<PromptAck>,
    proxied: bool,
}

impl Read for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Line {
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

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.proxied)
    }
}
