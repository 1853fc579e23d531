//! One HTTP/1.1 request over a transport of ours, which may end in an upgrade. Nothing is spawned.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ground::Duplex;

/// A transport with a name: hyper's futures are `Send` only for types without an elided lifetime.
struct Wire(Box<dyn Duplex>);

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// The head of an answer, and the connection that it came on while that still runs.
pub(crate) struct Answer {
    response: http::Response<Incoming>,
    connection: Option<Connection>,
}

/// Sends a request and waits for the head of the answer.
///
/// # Cancel safety
/// Dropping it closes the transport.
pub(crate) async fn call(io: Box<dyn Duplex>, request: Request<Empty<Bytes>>) -> hyper::Result<Answer> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(Wire(io))).await?;
    let connection: Connection = Box::pin(connection.with_upgrades());
    let sent = Box::pin(sender.send_request(request));
    match select(sent, connection).await {
        Either::Left((response, connection)) => Ok(Answer { response: response?, connection: Some(connection) }),
        // The connection is done as soon as the head of an upgrade is in.
        Either::Right((end, sent)) => {
            end?;
            Ok(Answer { response: sent.await?, connection: None })
        }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// At most so many bytes of the body; nothing when it is longer or breaks.
    pub(crate) async fn body(self, limit: usize) -> Bytes {
        let body = Limited::new(self.response.into_body(), limit).collect();
        let read = match self.connection {
            None => body.await,
            Some(connection) => match select(Box::pin(body), connection).await {
                Either::Left((read, _)) => read,
                Either::Right((_, body)) => body.await,
            },
        };
        read.map(|body| body.to_bytes()).unwrap_or_default()
    }

    /// The transport after the head, with the bytes that were read too far.
    pub(crate) async fn upgrade(self) -> hyper::Result<(Box<dyn Duplex>, Bytes)> {
        let upgraded = hyper::upgrade::on(self.response);
        let upgraded = match self.connection {
            None => upgraded.await?,
            Some(connection) => {
                let (upgraded, end) = tokio::join!(upgraded, connection);
                end?;
                upgraded?
            }
        };
        Ok(match upgraded.downcast::<TokioIo<Wire>>() {
            Ok(parts) => (parts.io.into_inner().0, parts.read_buf),
            Err(upgraded) => (Box::new(TokioIo::new(upgraded)), Bytes::new()),
        })
    }
}
