//! The body of a GetObject: content, pace, and the faults that befall it.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::connection::Connection;
use super::super::object::Object;
use super::super::traffic::{InFlight, Traffic};

/// The largest chunk handed to a connection, in bytes.
const CHUNK: u64 = 128 * 1024;
/// A paced body sends about this many chunks per second.
const PACED_CHUNKS: u64 = 20;

/// Where and how a body breaks off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) after: u64,
    pub(crate) how: Break,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// By RST.
    Reset,
    /// By FIN.
    Close,
    /// Not at all: nothing more comes.
    Stall,
}

/// How fast a body leaves: so many bytes, then a pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) bytes: u64,
    pub(crate) every: Duration,
}

impl Pace {
    pub(crate) fn of_rate(bytes_per_second: u64) -> Self {
        let rate = bytes_per_second.max(1);
        let bytes = (rate / PACED_CHUNKS).max(1);
        Self { bytes, every: Duration::from_secs_f64(bytes as f64 / rate as f64) }
    }

    /// The time that `count` bytes take.
    fn time(self, count: u64) -> Duration {
        self.every.mul_f64(count as f64 / self.bytes as f64)
    }

    fn slower(self, other: Self) -> Self {
        if self.time(1) >= other.time(1) { self } else { other }
    }
}

/// Bytes of an object's range, shared with the store, one chunk per poll.
pub(crate) struct ObjectBody {
    object: Object,
    at: u64,
    end: u64,
    sent: u64,
    pace: Option<Pace>,
    /// Whether the length is told beforehand.
    sized: bool,
    pause: Option<Pin<Box<Sleep>>>,
    cut: Option<Cut>,
    /// The flush count that must be passed before the cut is carried out.
    cut_flush: Option<u64>,
    corrupt: Option<u64>,
    connection: Arc<Connection>,
    traffic: Arc<Traffic>,
    _in_flight: InFlight,
}

impl ObjectBody {
    pub(crate) fn new(
        (object, range): (Object, Range<u64>),
        connection: Arc<Connection>,
        traffic: Arc<Traffic>,
        in_flight: InFlight,
    ) -> Self {
        Self {
            object,
            at: range.start,
            end: range.end,
            sent: 0,
            pace: connection.rate().map(Pace::of_rate),
            sized: true,
            pause: None,
            cut: None,
            cut_flush: None,
            corrupt: None,
            connection,
            traffic,
            _in_flight: in_flight,
        }
    }

    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cut = Some(cut);
    }

    pub(crate) fn corrupt(&mut self, at: u64) {
        self.corrupt = Some(at);
    }

    /// Slows the body down; the slowest pace holds.
    pub(crate) fn slow(&mut self, pace: Pace) {
        self.pace = Some(self.pace.map_or(pace, |before| before.slower(pace)));
    }

    /// Leaves the length untold.
    pub(crate) fn hide_length(&mut self) {
        self.sized = false;
    }

    /// Ends the connection once what was sent has left.
    fn poll_cut(&mut self, cx: &Context<'_>, cut: Cut) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let before = *self.cut_flush.get_or_insert_with(|| self.connection.flushes());
        // Nothing of the body was sent: the headers still have to leave first, so this waits all the same.
        if self.connection.flushes() == before {
            self.connection.wake_at_flush(cx.waker());
            return Poll::Pending;
        }
        match cut.how {
            // The connection's end drops this body; nothing else wakes it.
            Break::Stall => return Poll::Pending,
            Break::Reset => self.connection.end_by_reset(),
            Break::Close => {}
        }
        Poll::Ready(Some(Err(io::Error::other("the body was cut on request"))))
    }
}

impl Body for ObjectBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.at >= this.end {
            return Poll::Ready(None);
        }
        let mut most = CHUNK;
        if let Some(cut) = this.cut {
            if this.sent >= cut.after {
                return this.poll_cut(cx, cut);
            }
            most = most.min(cut.after - this.sent);
        }
        if let Some(pace) = this.pace {
            let ready_at = this.connection.ready_at();
            if ready_at > Instant::now() {
                this.pause = Some(Box::pin(sleep_until(ready_at)));
            }
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            most = most.min(pace.bytes.max(1));
        }
        let mut chunk = this.object.run(this.at, most.min(this.end - this.at));
        let count = chunk.len() as u64;
        if let Some(wrong) = this.corrupt.filter(|wrong| (this.sent..this.sent + count).contains(wrong)) {
            let mut spoilt = BytesMut::from(chunk.as_ref());
            if let Some(byte) = spoilt.get_mut((wrong - this.sent) as usize) {
                *byte ^= 0x01;
            }
            chunk = spoilt.freeze();
        }
        if let Some(pace) = this.pace {
            this.connection.book(pace.time(count));
        }
        this.at += count;
        this.sent += count;
        this.traffic.add_bytes(count);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized { SizeHint::with_exact(self.end - self.at) } else { SizeHint::new() }
    }
}
