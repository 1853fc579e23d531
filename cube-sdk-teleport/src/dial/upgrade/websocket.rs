//! A WebSocket as a byte stream: binary messages in both directions, nothing else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

/// A message of the proxy carries one write of its TLS, far below this.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// One message per full TLS record or two.
const MAX_SENT: usize = 32 * 1024;

/// Bytes over the WebSocket of a connection upgrade; a close frame is the end of the stream.
pub(crate) struct WebSocketIo<S> {
    socket: WebSocketStream<Rewound<S>>,
    unread: Bytes,
    /// The close frame came. Answering it may fail, which is no matter to the reader.
    ended: bool,
}

impl<S> std::fmt::Debug for WebSocketIo<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocketIo").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketIo<S> {
    /// Takes over an upgraded connection; `early` was read beyond the HTTP answer.
    pub(crate) fn new(io: S, early: Bytes) -> Self {
        let socket = ClientBuilder::new()
            .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE)))
            .take_over(Rewound { early, io });
        Self { socket, unread: Bytes::new(), ended: false }
    }
}

fn broke(error: tokio_websockets::Error) -> io::Error {
    match error {
        tokio_websockets::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocketIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            // Pings are answered by the library, the answer goes out with the next turn.
            match ready!(Pin::new(&mut this.socket).poll_next(cx)).transpose().map_err(broke)? {
                None => this.ended = true,
                Some(message) if message.is_close() => this.ended = true,
                Some(message) if message.is_binary() => this.unread = message.into_payload().into(),
                Some(message) if message.is_text() => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "text inside the connection upgrade");
                    return Poll::Ready(Err(error));
                }
                Some(_) => {}
            }
        }
        let take = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread[..take]);
        this.unread.advance(take);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocketIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_ready(cx)).map_err(broke)?;
        let take = data.len().min(MAX_SENT);
        let message = Message::binary(Bytes::copy_from_slice(&data[..take]));
        Pin::new(&mut this.socket).start_send(message).map_err(broke)?;
        Poll::Ready(Ok(take))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx).map_err(broke)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(cx).map_err(broke)
    }
}

/// A stream whose first bytes were read already.
struct Rewound<S> {
    early: Bytes,
    io: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.early.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, buf);
        }
        let take = this.early.len().min(buf.remaining());
        buf.put_slice(&this.early[..take]);
        this.early.advance(take);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
