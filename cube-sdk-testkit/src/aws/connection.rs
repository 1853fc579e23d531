//! One accepted connection: its pace, and how it ends when a fault ends it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What bodies and the socket of one connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: std::net::SocketAddr,
    rate: Option<u64>,
    next: Mutex<Instant>,
    flushes: AtomicU64,
    waiting: Mutex<Option<Waker>>,
    reset: AtomicBool,
}

impl Connection {
    pub(crate) fn new(peer: std::net::SocketAddr, rate: Option<u64>) -> Self {
        Self {
            peer,
            rate,
            next: Mutex::new(Instant::now()),
            flushes: AtomicU64::new(0),
            waiting: Mutex::default(),
            reset: AtomicBool::new(false),
        }
    }

    fn next(&self) -> MutexGuard<'_, Instant> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes per second of this connection, if it is limited.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// When the next bytes may leave.
    pub(crate) fn ready_at(&self) -> Instant {
        *self.next()
    }

    /// Books `count` bytes at `rate`.
    pub(crate) fn book(&self, count: u64, rate: u64) {
        let mut next = self.next();
        *next = (*next).max(Instant::now()) + Duration::from_secs_f64(count as f64 / rate.max(1) as f64);
    }

    /// The number of times that everything written so far has reached the socket.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Wakes `waker` at the next flush.
    pub(crate) fn wake_at_flush(&self, waker: &Waker) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    /// The connection is to end with RST, not FIN.
    pub(crate) fn end_by_reset(&self) {
        self.reset.store(true, Ordering::Release);
    }
}

/// The socket under hyper.
pub(crate) struct Socket {
    io: TokioIo<TcpStream>,
    connection: Arc<Connection>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { io: TokioIo::new(stream), connection }
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    // hyper calls this only once its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            self.connection.flushes.fetch_add(1, Ordering::AcqRel);
            let waiting = self.connection.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A FIN before the RST would let a reader take the end for a clean one.
        if self.connection.reset.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Acquire) {
            // A socket that is gone already needs no reset.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}
