//! A connection to an app, whichever way it was made.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::super::alpn::Agreed;
use super::super::fault::TlsFailure;
use super::super::ping::PingStream;
use super::super::upgrade::WebSocketIo;
use crate::app_fault::{AppErrorExt, AppFault};
use crate::ground::Duplex;

/// An end without a byte within this time is a refusal: Teleport tells the reason to its own log only.
const REFUSAL_WINDOW: Duration = Duration::from_secs(5);
/// Bytes read while waiting for the first word.
const FIRST_READ: usize = 4 * 1024;

/// What the inner TLS runs over.
pub(super) enum Leg {
    Direct(Box<dyn Duplex>),
    Upgraded(Box<WebSocketIo<Box<dyn Duplex>>>),
}

enum Inner {
    Plain(TlsStream<Leg>),
    Ping(PingStream<TlsStream<Leg>>),
}

/// A byte stream to one app through Teleport.
///
/// Reading reports a silent refusal, and a client certificate that the proxy refused after the handshake,
/// as an error that carries the [`AppFault`], never as a clean end. Flush after writing, as with any TLS stream. Shutting
/// down the write side may end both directions: Teleport does not promise half-close.
pub struct AppStream {
    inner: Inner,
    app: String,
    first: Bytes,
    heard: bool,
    finished: bool,
    since: Instant,
}

impl std::fmt::Debug for AppStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppStream")
            .field("app", &self.app)
            .field("ping_framing", &self.ping_framing())
            .field("upgraded", &self.upgraded())
            .finish_non_exhaustive()
    }
}

impl AppStream {
    pub(super) fn new(app: &str, tls: TlsStream<Leg>, agreed: Agreed) -> Self {
        Self {
            inner: match agreed {
                Agreed::Plain => Inner::Plain(tls),
                Agreed::Ping => Inner::Ping(PingStream::new(tls)),
            },
            app: app.to_owned(),
            first: Bytes::new(),
            heard: false,
            finished: false,
            since: Instant::now(),
        }
    }

    /// True when ping framing was agreed.
    pub const fn ping_framing(&self) -> bool {
        matches!(self.inner, Inner::Ping(_))
    }

    /// True when the connection was upgraded through a balancer.
    pub fn upgraded(&self) -> bool {
        let tls = match &self.inner {
            Inner::Plain(tls) => tls,
            Inner::Ping(ping) => ping.get_ref(),
        };
        matches!(tls.get_ref().0, Leg::Upgraded(_))
    }

    /// Waits up to `wait` for the far side's first word. Data is kept for the reader.
    ///
    /// # Errors
    /// The refusal, when it comes within that time.
    pub(super) async fn confirm(&mut self, wait: Duration) -> Result<()> {
        if wait.is_zero() {
            return Ok(());
        }
        let mut space = vec![0; FIRST_READ];
        match tokio::time::timeout(wait, self.read(&mut space)).await {
            Err(_) => Ok(()),
            Ok(Ok(got)) => {
                space.truncate(got);
                self.first = space.into();
                Ok(())
            }
            Ok(Err(error)) => Err(into_error(error)),
        }
    }

    fn refused(&self) -> io::Error {
        let error = AppFault::RefusedByTeleport
            .error("the connection stood and ended without a byte: denied, unknown app, or agent or upstream down")
            .with_sent(Sent::Yes)
            .with_target(format!("app {}", self.app));
        io::Error::new(io::ErrorKind::ConnectionRefused, error)
    }

    /// What an end of file means here.
    fn end(&self) -> io::Result<()> {
        if self.heard || self.finished || self.since.elapsed() > REFUSAL_WINDOW { Ok(()) } else { Err(self.refused()) }
    }

    /// What a failed read means here.
    fn explain(&self, error: io::Error) -> io::Error {
        if self.heard {
            return error;
        }
        match TlsFailure::from(error) {
            failure @ TlsFailure::Client(..) => {
                let error = failure.error("the proxy").with_sent(Sent::Yes).with_target(format!("app {}", self.app));
                io::Error::new(io::ErrorKind::PermissionDenied, error)
            }
            TlsFailure::HungUp(_) if self.end().is_err() => self.refused(),
            TlsFailure::Alpn(error)
            | TlsFailure::Server(error)
            | TlsFailure::HungUp(error)
            | TlsFailure::Broken(error) => error,
        }
    }
}

/// Takes the SDK's error out of an I/O error that carries one.
fn into_error(error: io::Error) -> Error {
    if error.app_fault().is_none() {
        return AppFault::ProxyUnreachable.error("the connection broke at once").cause(error);
    }
    match error.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => *error,
        _ => AppFault::ProxyUnreachable.error("the connection broke at once"),
    }
}

impl AsyncRead for AppStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            let take = this.first.len().min(buf.remaining());
            buf.put_slice(&this.first[..take]);
            this.first.advance(take);
            return Poll::Ready(Ok(()));
        }
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = match &mut this.inner {
            Inner::Plain(tls) => Pin::new(tls).poll_read(cx, buf),
            Inner::Ping(ping) => Pin::new(ping).poll_read(cx, buf),
        };
        match ready!(read) {
            Err(error) => Poll::Ready(Err(this.explain(error))),
            Ok(()) if buf.filled().len() == before => Poll::Ready(this.end()),
            Ok(()) => {
                this.heard = true;
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for AppStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            Inner::Plain(tls) => Pin::new(tls).poll_write(cx, data),
            Inner::Ping(ping) => Pin::new(ping).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Plain(tls) => Pin::new(tls).poll_flush(cx),
            Inner::Ping(ping) => Pin::new(ping).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.finished = true;
        match &mut this.inner {
            Inner::Plain(tls) => Pin::new(tls).poll_shutdown(cx),
            Inner::Ping(ping) => Pin::new(ping).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Leg {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(io) => Pin::new(io).poll_read(cx, buf),
            Self::Upgraded(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Leg {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Direct(io) => Pin::new(io).poll_write(cx, data),
            Self::Upgraded(socket) => Pin::new(socket).poll_write(cx, data),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Direct(io) => Pin::new(io).poll_write_vectored(cx, data),
            Self::Upgraded(socket) => Pin::new(socket).poll_write_vectored(cx, data),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Direct(io) => io.is_write_vectored(),
            Self::Upgraded(_) => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(io) => Pin::new(io).poll_flush(cx),
            Self::Upgraded(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Direct(io) => Pin::new(io).poll_shutdown(cx),
            Self::Upgraded(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
