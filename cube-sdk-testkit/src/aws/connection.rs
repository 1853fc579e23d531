//! One accepted connection: its pace, and how it ends when a fault ends it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::request_log::Tally;

/// What bodies and the socket of one connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: std::net::SocketAddr,
    rate: Option<u64>,
    next: Mutex<Instant>,
    flushes: AtomicU64,
    waiting: Mutex<Option<Waker>>,
    reset: AtomicBool,
    /// Bytes that may still be written before the connection is reset.
    allowance: Mutex<Option<u64>>,
    /// The call whose answer is on its way.
    answering: Mutex<Option<Arc<Tally>>>,
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
            allowance: Mutex::default(),
            answering: Mutex::default(),
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

    /// Books the time that bytes take.
    pub(crate) fn book(&self, time: Duration) {
        let mut next = self.next();
        *next = (*next).max(Instant::now()) + time;
    }

    /// An answer is about to be written.
    pub(crate) fn begin_answer(&self, tally: Arc<Tally>) {
        *self.answering.lock().unwrap_or_else(PoisonError::into_inner) = Some(tally);
    }

    fn answering(&self) -> Option<Arc<Tally>> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connection is to be reset after so many more bytes.
    pub(crate) fn reset_after(&self, bytes: u64) {
        *self.allowance.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// How many of `wanted` bytes may be written; an error when the time has come to reset.
    fn allowed(&self, wanted: usize) -> io::Result<usize> {
        match *self.allowance.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(wanted),
            Some(0) => {
                self.end_by_reset();
                Err(io::Error::other("the answer was cut on request"))
            }
            Some(left) => Ok(wanted.min(usize::try_from(left).unwrap_or(usize::MAX))),
        }
    }

    fn written(&self, count: usize) {
        if let Some(left) = self.allowance.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *left = left.saturating_sub(count as u64);
        }
        if let Some(tally) = self.answering() {
            tally.left(count);
        }
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
        let most = self.connection.allowed(buf.len())?;
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, &buf[..most]))?;
        self.connection.written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs.iter().map(|buf| buf.len()).sum();
        if self.connection.allowed(total)? < total {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(cx, first);
        }
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        self.connection.written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    // hyper calls this only once its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            self.connection.flushes.fetch_add(1, Ordering::AcqRel);
            if let Some(tally) = self.connection.answering() {
                tally.flushed();
            }
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
