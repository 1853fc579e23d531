//! One HTTP/1 request over a byte stream that is already open, which may end in an upgrade. Nothing is spawned.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::future::{Either, select};
use http::{HeaderMap, Request, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Duplex;

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

    pub(crate) fn version(&self) -> Version {
        self.response.version()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The whole body; an error when it is longer than `limit` bytes or breaks.
    pub(crate) async fn body(self, limit: usize) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let body = Limited::new(self.response.into_body(), limit).collect();
        let read = match self.connection {
            None => body.await,
            Some(connection) => match select(Box::pin(body), connection).await {
                Either::Left((read, _)) => read,
                Either::Right((_, body)) => body.await,
            },
        };
        read.map(|body| body.to_bytes())
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

/// An answer larger than this is none of the ones that are asked for here.
const MAX_BODY: usize = 1024 * 1024;

/// Sends `GET path` and reads the whole answer.
pub(crate) async fn get(io: impl Duplex + 'static, host: &str, path: &str) -> Result<(StatusCode, Bytes)> {
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the request cannot be written").cause(cause))?;
    let broke = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Transport, "the answer did not come whole").cause(cause)
    };
    let answer = call(Box::new(io), request).await.map_err(|cause| broke(cause.into()))?;
    let status = answer.status();
    Ok((status, answer.body(MAX_BODY).await.map_err(broke)?))
}
