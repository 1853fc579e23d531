//! Ping framing: what Teleport speaks when the agreed protocol ends in `-ping`.
//!
//! In both directions: `u32` big-endian length, then that many bytes; length 0 is a ping, to be dropped.
//! Frames know nothing of TLS records: one may be cut, several may be joined (Teleport source, ping
//! connection). [`PingDecoder`] does no I/O.
//!
//! The proxy pings every 30 s, so that silence tells a dead one from a quiet app.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes of a frame's header.
pub const HEADER: usize = 4;

/// The longest payload of a frame that this side sends: with its header, two full TLS records.
pub const MAX_SENT: usize = 2 * 16 * 1024 - HEADER;

/// Three pings and a bit: after this long without a byte the far side is taken for dead.
pub const SILENCE: Duration = Duration::from_secs(95);

/// Takes frames apart, however they are cut.
///
/// ```
/// use cube_sdk_teleport::dial::ping::PingDecoder;
/// let mut decoder = PingDecoder::default();
/// let mut input: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 2, b'h'];
/// assert_eq!(decoder.decode(&mut input), b"h");
/// assert!(!decoder.at_boundary());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PingDecoder {
    header: [u8; HEADER],
    have: usize,
    left: u32,
    pings: u64,
}

impl PingDecoder {
    /// The next run of payload at the front of `input`, which moves past it and past all headers and
    /// pings before it. Empty when `input` is used up.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        while self.left == 0 {
            let want = (HEADER - self.have).min(input.len());
            let (head, rest) = input.split_at(want);
            self.header[self.have..self.have + want].copy_from_slice(head);
            *input = rest;
            self.header_grew(want);
            if input.is_empty() && self.left == 0 {
                return &[];
            }
        }
        let take = input.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let (payload, rest) = input.split_at(take);
        *input = rest;
        self.payload_came(take);
        payload
    }

    /// True between frames: the only place where the stream may end.
    pub const fn at_boundary(&self) -> bool {
        self.left == 0 && self.have == 0
    }

    /// Pings seen.
    pub const fn pings(&self) -> u64 {
        self.pings
    }

    fn header_grew(&mut self, by: usize) {
        self.have += by;
        if self.have == HEADER {
            self.have = 0;
            self.left = u32::from_be_bytes(self.header);
            self.pings += u64::from(self.left == 0);
        }
    }

    fn payload_came(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

/// A byte stream inside ping framing.
#[derive(Debug)]
pub struct PingStream<S> {
    io: S,
    decoder: PingDecoder,
    /// One frame that was accepted and is on its way out.
    out: BytesMut,
    /// Runs while a read waits; made at the first wait, since making it needs a runtime.
    silence: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl<S> PingStream<S> {
    /// Speaks ping framing over `io`. A read that waits [`SILENCE`] without a byte or ping fails with
    /// `TimedOut`; its clock needs a tokio runtime with time.
    pub fn new(io: S) -> Self {
        Self { io, decoder: PingDecoder::default(), out: BytesMut::new(), silence: None, waiting: false }
    }

    /// What the framing runs over.
    pub const fn get_ref(&self) -> &S {
        &self.io
    }

    /// Pings received.
    pub const fn pings(&self) -> u64 {
        self.decoder.pings()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PingStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while this.decoder.left == 0 {
            // Only the header is read here, so that payload goes straight into the caller's buffer.
            let mut space = [0; HEADER];
            let mut header = ReadBuf::new(&mut space[this.decoder.have..]);
            ready!(this.poll_heard(cx, &mut header))?;
            let mut got = header.filled();
            if got.is_empty() {
                return Poll::Ready(this.end());
            }
            this.decoder.decode(&mut got);
        }
        let left = usize::try_from(this.decoder.left).unwrap_or(usize::MAX).min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(left));
        ready!(this.poll_heard(cx, &mut part))?;
        let got = part.filled().len();
        if got == 0 {
            return Poll::Ready(this.end());
        }
        buf.advance(got);
        this.decoder.payload_came(got);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> PingStream<S> {
    /// Reads, and fails after too long a silence.
    fn poll_heard(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        match (read, &mut self.silence) {
            // What lay unread while nobody asked counts as heard: the clock starts with the wait.
            (Poll::Ready(outcome), _) => {
                self.waiting = false;
                Poll::Ready(outcome)
            }
            (Poll::Pending, silence) => {
                let clock = silence.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
                if !std::mem::replace(&mut self.waiting, true) {
                    clock.as_mut().reset(Instant::now() + SILENCE);
                }
                ready!(clock.as_mut().poll(cx));
                let error = "the proxy sent neither data nor pings for 95 s";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
            }
        }
    }
}

impl<S> PingStream<S> {
    fn end(&self) -> io::Result<()> {
        if self.decoder.at_boundary() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a ping frame"))
    }
}

impl<S: AsyncWrite + Unpin> PingStream<S> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out.has_remaining() {
            let wrote = ready!(Pin::new(&mut self.io).poll_write(cx, &self.out))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(wrote);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PingStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        // A frame without payload would be a ping.
        let take = data.len().min(MAX_SENT);
        if take == 0 {
            return Poll::Ready(Ok(0));
        }
        this.out.clear();
        this.out.reserve(HEADER + take);
        this.out.put_u32(u32::try_from(take).unwrap_or(0));
        this.out.put_slice(&data[..take]);
        // The frame is ours now; what cannot go out at once goes with the next call.
        if let Poll::Ready(Err(error)) = this.poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(take))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
