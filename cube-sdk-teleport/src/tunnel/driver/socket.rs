//! The local side of one stream: an accepted connection at the agent, an app's at the relay.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::ground::Duplex;
use crate::refusal::{Refusal, TunnelCode};
use crate::seam::{Channel, Explain, Upstream};
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::pipe::Far;

/// Authorising and dialling one stream.
pub(crate) type DialFuture = Pin<Box<dyn Future<Output = Result<Upstream, Refusal>> + Send>>;

/// What may be unsent in a socket that is to take bytes as its peer does.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 16 * 1024;

/// The same by the size of the whole buffer. With a smaller one, bytes wait for acknowledgements that are delayed.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
const SEND_BUFFER: usize = 64 * 1024;

/// A queue that was emptied gives back what it held beyond this.
const KEPT_CAPACITY: usize = 16 * 1024;

/// What stands behind a stream.
#[derive(Default)]
pub(super) enum Local {
    /// Nothing yet, or nothing any more.
    #[default]
    Vacant,
    Dialling(DialFuture),
    Tcp(TcpStream),
    Io(Box<dyn Duplex>, bool, Explain),
    Own(Far),
}

/// A local connection that asks for a stream.
pub(crate) enum Incoming {
    Tcp(TcpStream),
    Own(Far),
}

impl Incoming {
    /// Ends it before it got one.
    pub(crate) fn refuse(self, code: TunnelCode, words: &str) {
        match self {
            Self::Tcp(stream) => reset(&stream),
            Self::Own(far) => far.cut(TunnelFault::new(code, words)),
        }
    }
}

impl From<Incoming> for Local {
    fn from(incoming: Incoming) -> Self {
        match incoming {
            Incoming::Tcp(stream) => Self::Tcp(stream),
            Incoming::Own(far) => Self::Own(far),
        }
    }
}

impl From<Upstream> for Local {
    fn from(upstream: Upstream) -> Self {
        match upstream.0 {
            Channel::Tcp(stream) => Self::Tcp(stream),
            Channel::Io { io, half_close, explain } => Self::Io(io, half_close, explain),
        }
    }
}

impl Local {
    pub(super) fn is_connected(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Io(..) | Self::Own(_))
    }

    pub(super) fn half_close(&self) -> bool {
        !matches!(self, Self::Io(_, false, _))
    }

    /// The refusal that an error of its own carries.
    pub(super) fn refusal(&self, error: &io::Error) -> Option<Refusal> {
        match self {
            Self::Io(_, _, explain) => explain(error),
            _ => None,
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Io(io, ..) => caught(|| Pin::new(io).poll_read(cx, buf)),
            Self::Own(far) => Pin::new(far).poll_read(cx, buf),
            _ => Poll::Pending,
        }
    }

    /// Fills what it can of these in one call, in their order.
    pub(super) fn poll_read_vectored(
        &mut self,
        cx: &mut Context<'_>,
        payloads: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if let (Self::Tcp(stream), 2..) = (&mut *self, payloads.len()) {
            loop {
                ready!(stream.poll_read_ready(cx))?;
                match stream.try_read_vectored(payloads) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    outcome => return Poll::Ready(outcome),
                }
            }
        }
        let Some(first) = payloads.first_mut() else { return Poll::Ready(Ok(0)) };
        let mut buffer = ReadBuf::new(first);
        ready!(self.poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Io(io, ..) => caught(|| Pin::new(io).poll_write(cx, bytes)),
            Self::Own(far) => Pin::new(far).poll_write(cx, bytes),
            _ => Poll::Pending,
        }
    }

    /// The same with several pieces, in one call of the stream's where it knows how to.
    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Self::Io(io, ..) if !io.is_write_vectored() => caught(|| poll_write_each(io, cx, pieces)),
            Self::Io(io, ..) => caught(|| Pin::new(io).poll_write_vectored(cx, pieces)),
            Self::Own(far) => Pin::new(far).poll_write_vectored(cx, pieces),
            _ => Poll::Pending,
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Io(io, ..) => caught(|| Pin::new(io).poll_flush(cx)),
            Self::Own(far) => Pin::new(far).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Io(io, ..) => caught(|| Pin::new(io).poll_shutdown(cx)),
            Self::Own(far) => Pin::new(far).poll_shutdown(cx),
            _ => Poll::Pending,
        }
    }

    /// Closes so that the peer sees a reset, never an end of file.
    pub(super) fn reset(self, why: Option<TunnelFault>) {
        match self {
            Self::Tcp(stream) => reset(&stream),
            Self::Own(far) => {
                let unknown = || TunnelFault::new(TunnelCode::ConnectionLost, "the stream was cut");
                far.cut(why.unwrap_or_else(unknown));
            }
            _ => {}
        }
    }

    /// The relay reached the app.
    pub(super) fn opened(&self) {
        if let Self::Own(far) = self {
            far.opened();
        }
    }
}

/// A stream that is not ours may panic: that costs its own stream, not the connection with all others.
fn caught<T>(poll: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    // Nothing of it is looked at after the error, which ends the stream.
    std::panic::catch_unwind(AssertUnwindSafe(poll))
        .unwrap_or_else(|_| Poll::Ready(Err(io::Error::other("the stream to the app panicked"))))
}

/// Writes one piece after the other, until one is not taken whole.
fn poll_write_each(
    mut io: impl AsyncWrite + Unpin,
    cx: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let mut taken = 0;
    for piece in pieces {
        match Pin::new(&mut io).poll_write(cx, piece) {
            Poll::Ready(Ok(n)) => {
                taken += n;
                if n < piece.len() {
                    break;
                }
            }
            Poll::Pending if taken > 0 => break,
            other => return other,
        }
    }
    Poll::Ready(Ok(taken))
}

/// Keeps little unsent in a socket, so that it takes bytes as its peer does. With a large buffer the system tells only
/// now and then that there is room again, and a slow consumer looks like one that takes nothing.
pub(super) fn follow_consumer(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let set = socket.set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let set = socket.set_send_buffer_size(SEND_BUFFER);
    // Without it, slow consumers may be taken for dead ones.
    set.ok();
}

/// Makes the coming close of a socket a reset.
pub(crate) fn reset(stream: &TcpStream) {
    // It fails only on a socket that is closed already.
    stream.set_zero_linger().ok();
}

/// The way to the end of a stream that ended in good order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Settling {
    /// The stream lives.
    #[default]
    No,
    /// The queue is being written, then the write side is shut down.
    Writing,
    /// Version 1: the rest of what the local side sends is read and dropped, so that closing does not reset it
    /// before it read the last bytes. That much more of it, until then.
    Lingering { until: Instant, left: usize },
}

/// One place in the driver's table.
#[derive(Default)]
pub(super) struct Socket {
    pub(super) local: Local,
    /// Bytes from the tunnel that the consumer has not taken.
    pub(super) queue: VecDeque<u8>,
    /// A read may succeed.
    pub(super) readable: bool,
    /// A write may succeed.
    pub(super) writable: bool,
    /// Stands in the list of sockets to look at.
    pub(super) in_work: bool,
    /// Its last reads were long: it takes turns in the arena.
    pub(super) bulk: bool,
    /// Its last reads that were short, in a row.
    pub(super) short: u8,
    /// The local side ended its direction.
    pub(super) eof: bool,
    /// The peer's direction ended: shut down after the queue.
    pub(super) finish: bool,
    /// The write side was shut down.
    pub(super) finished: bool,
    pub(super) settling: Settling,
    /// The outbox epoch of its last DATA in the arena.
    pub(super) epoch: u64,
    /// When the consumer last took a byte, or began to owe one.
    pub(super) progress: Option<Instant>,
    /// Nothing was read from or written to it yet.
    pub(super) untouched: bool,
    /// Bytes were written and not flushed.
    pub(super) unflushed: bool,
}

impl Socket {
    pub(super) fn connected(local: Local) -> Self {
        Self { local, readable: true, writable: true, untouched: true, ..Self::default() }
    }

    /// Drops `n` bytes off the queue.
    pub(super) fn dequeue(&mut self, n: usize) {
        self.queue.drain(..n);
        if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn every_kind_of_stream_takes_pieces_in_a_row_in_one_call() {
        let bytes: Vec<u8> = (0..100).collect();
        let pieces = [IoSlice::new(&bytes[..10]), IoSlice::new(&bytes[10..50]), IoSlice::new(&bytes[50..])];
        for room in [100, 64, 50, 7] {
            // One piece at a time.
            let (mut near, mut far) = duplex(room);
            let mut got = vec![0; room];
            assert_eq!(poll_fn(|cx| poll_write_each(&mut near, cx, &pieces)).await.unwrap(), room);
            far.read_exact(&mut got).await.unwrap();
            assert_eq!(got, bytes[..room]);
            // All that an app's stream takes.
            let mut app = Local::Io(Box::new(near), true, |_| None);
            assert_eq!(poll_fn(|cx| app.poll_write_vectored(cx, &pieces)).await.unwrap(), room);
            far.read_exact(&mut got).await.unwrap();
            assert_eq!(got, bytes[..room]);
        }
        let (mut near, far) = crate::tunnel::pipe::pipe();
        let mut own = Local::Own(far);
        assert_eq!(poll_fn(|cx| own.poll_write_vectored(cx, &pieces)).await.unwrap(), 100);
        let mut got = vec![0; 100];
        near.read_exact(&mut got).await.unwrap();
        assert_eq!(got, bytes);
    }
}
