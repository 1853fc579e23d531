//! The socket under everything, which gives its seat back when it is closed and can be ended from outside.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::held::{Held, Waits};
use super::room::Seat;

/// Fields are dropped in this order: the descriptor is free before the seat is.
#[derive(Debug)]
pub(super) struct Socket {
    io: TcpStream,
    held: Arc<Held>,
    _seat: Seat,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, seat: Seat) -> Self {
        Self { io: stream, held: seat.held().clone(), _seat: seat }
    }

    pub(super) const fn tcp(&self) -> &TcpStream {
        &self.io
    }

    fn check(&self, waits: Waits, cx: &Context<'_>) -> io::Result<()> {
        if self.held.poll_ended(waits, cx).is_ready() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server closed the connection"));
        }
        Ok(())
    }

    fn wrote(&self, count: usize) -> usize {
        if count > 0 {
            self.held.wrote();
        }
        count
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(Waits::Reader, cx)?;
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(Waits::Writer, cx)?;
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        Poll::Ready(Ok(self.wrote(count)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(Waits::Writer, cx)?;
        let count = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        Poll::Ready(Ok(self.wrote(count)))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
