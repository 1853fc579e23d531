//! One part: fetched, resumed at its last byte when it breaks, handed on in chunks.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use cube_sdk_core::error::Sent;
use cube_sdk_core::retry::Attempt;
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use tokio::sync::{SetOnce, mpsc};

use super::body::{BodyItem, Idle};
use super::crc::PartCrc;
use super::pack::{Pack, WAKE_PAUSE};
use super::progress::ReaderEvent;
use super::source::{Answer, Got, Source};
use crate::session::{Failure, GET_OBJECT, Lease};

/// A body that breaks after more than this is resumed at once; after less, the part waits as after any failed attempt.
const MOVED: u64 = 64 * 1024;

/// The fetching end of a part.
pub(crate) struct PartFetch {
    source: Arc<Source>,
    range: Range<u64>,
    at: AtomicU64,
    /// What the whole reader had received when this part last failed.
    seen: AtomicU64,
    out: mpsc::UnboundedSender<Result<Bytes>>,
    crc: Option<PartCrc>,
    /// Set once the part's bytes are reserved; none where they were before it was asked for.
    room: Option<Arc<SetOnce<()>>>,
}

/// The reading end of a part.
pub(crate) struct PartChunks {
    pub(crate) range: Range<u64>,
    pub(crate) chunks: mpsc::UnboundedReceiver<Result<Bytes>>,
    /// Complete once the last chunk is here.
    pub(crate) crc: Option<PartCrc>,
}

enum Pumped {
    Done,
    Moved,
}

/// Both ends of a part. The channel is unbounded: the part's bytes are reserved before they are read.
pub(crate) fn part(source: Arc<Source>, range: Range<u64>) -> (PartFetch, PartChunks) {
    let (out, chunks) = mpsc::unbounded_channel();
    let at = AtomicU64::new(range.start);
    let seen = AtomicU64::new(0);
    let crc = PartCrc::of(&source);
    let fetch = PartFetch { source, range: range.clone(), at, seen, out, crc: crc.clone(), room: None };
    (fetch, PartChunks { range, chunks, crc })
}

impl PartFetch {
    /// The same, whose bytes may be asked for, and are read when `room` is set.
    pub(crate) fn behind(self, room: Arc<SetOnce<()>>) -> Self {
        Self { room: Some(room), ..self }
    }

    /// Fetches the part, going on with an answer that is already there. False when it failed; the error is
    /// then the last item of its chunks.
    pub(crate) async fn run(self, first: Option<Box<Answer>>) -> bool {
        let outcome = self.fetch(first).await;
        let failed = outcome.is_err();
        if let Err(error) = outcome {
            // Nobody listens any more when the reader is dropped.
            let _ = self.out.send(Err(error));
        }
        !failed
    }

    /// Waits for an answer's first chunk and hands it on. What goes wrong is left in the answer for the run.
    pub(crate) async fn begin(&self, answer: &mut Answer) {
        let item = Idle::default().next(&mut answer.body, self.source.idle_limit()).await;
        let taken = match &item {
            Ok(Some(Ok(chunk))) => self.accept(&mut Pack::default(), chunk.clone(), answer.range.end),
            _ => false,
        };
        answer.ahead = (!taken).then_some(item);
    }

    async fn fetch(&self, first: Option<Box<Answer>>) -> Result<()> {
        if let Some(answer) = first {
            match self.pump(answer).await {
                Ok(Pumped::Done) => return Ok(()),
                Ok(Pumped::Moved) => {}
                // The first attempt of this part: whether it may be repeated is asked below, by its kind.
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
        let (source, key) = (&self.source, self.source.uri.key());
        loop {
            let make = |attempt: Attempt, lease: Arc<Lease>| async move { self.attempt(&attempt, &lease).await };
            let pumped = source.session.call(GET_OBJECT, Some(key), source.deadline, make).await?;
            if matches!(pumped, Pumped::Done) {
                return Ok(());
            }
        }
    }

    async fn attempt(&self, attempt: &Attempt, lease: &Lease) -> Result<Pumped> {
        let rest = self.at.load(Ordering::Acquire)..self.range.end;
        if rest.is_empty() {
            return Ok(Pumped::Done);
        }
        let outcome = match self.source.get(attempt, lease, &rest).await {
            Ok(Got::Bytes(answer)) => self.pump(answer).await,
            Ok(Got::BehindEnd(_)) => Err(self.source.overwritten("it became shorter while it was read")),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // Bytes of any part show that the server serves.
            let received = self.source.counters.received.load(Ordering::Relaxed);
            if self.seen.swap(received, Ordering::Relaxed) < received {
                attempt.progressed();
            }
        }
        outcome
    }

    /// Hands the body on. A broken one leaves its second audit row.
    async fn pump(&self, answer: Box<Answer>) -> Result<Pumped> {
        if let Some(room) = &self.room {
            room.wait().await;
        }
        let Answer { mut body, ahead, range, answered, .. } = *answer;
        let mut pack = Pack::default();
        let outcome = self.drain(&mut body, ahead, &mut pack, range.end).await;
        // What came is good whether or not more follows.
        pack.flush(|chunk| self.hand_on(chunk));
        let Err(failure) = outcome else { return Ok(Pumped::Done) };
        let moved = self.at.load(Ordering::Acquire) - range.start;
        answered.body_broke(moved, failure.plain_code()).await?;
        let error = self.source.error(failure).with_sent(Sent::Yes);
        self.source.counters.resumed.fetch_add(1, Ordering::Relaxed);
        let offset = range.start + moved;
        self.source.tell(|| ReaderEvent::Resumed { offset, kind: error.kind() });
        if moved >= MOVED { Ok(Pumped::Moved) } else { Err(error) }
    }

    async fn drain(
        &self,
        body: &mut ByteStream,
        mut ahead: Option<BodyItem>,
        pack: &mut Pack,
        end: u64,
    ) -> Result<(), Failure> {
        let mut idle = Idle::default();
        loop {
            let item = match ahead.take() {
                Some(item) => item,
                None if self.is_hungry(pack) && pack.len() > 0 => match idle.next(body, WAKE_PAUSE).await {
                    Err(()) => {
                        pack.flush(|chunk| self.hand_on(chunk));
                        continue;
                    }
                    item => item,
                },
                None => idle.next(body, self.source.idle_limit()).await,
            };
            match item {
                Ok(Some(Ok(chunk))) => {
                    if !self.accept(pack, chunk, end) {
                        return Err(Failure::broken_body("the body is longer than it promised"));
                    }
                }
                Ok(Some(Err(cause))) => return Err(Failure::broken_body(cause)),
                Ok(None) => {
                    let missing = end - self.at.load(Ordering::Acquire);
                    if missing == 0 {
                        return Ok(());
                    }
                    return Err(Failure::broken_body(format!("it ended {missing} bytes early")));
                }
                Err(()) => return Err(Failure::timed_out(WhichClock::Idle)),
            }
        }
    }

    /// Counts a chunk and hands it on, at once or packed with others. False when it goes beyond the part's end.
    fn accept(&self, pack: &mut Pack, chunk: Bytes, end: u64) -> bool {
        let counters = &self.source.counters;
        let (at, length) = (self.at.load(Ordering::Acquire), chunk.len() as u64);
        if length == 0 || length > end - at {
            return length == 0;
        }
        if let Some(crc) = &self.crc {
            crc.update(&chunk);
        }
        let hungry = self.is_hungry(pack);
        pack.put(chunk, hungry, |chunk| self.hand_on(chunk));
        self.at.store(at + length, Ordering::Release);
        counters.received.fetch_add(length, Ordering::Relaxed);
        true
    }

    /// The caller has all that was handed on: it waits for what comes next.
    fn is_hungry(&self, pack: &Pack) -> bool {
        let handed_on = self.at.load(Ordering::Acquire) - pack.len() as u64;
        self.source.counters.taken.load(Ordering::Acquire) == handed_on
    }

    fn hand_on(&self, chunk: Bytes) {
        let _ = self.out.send(Ok(chunk));
    }
}

impl PartChunks {
    /// The error of a part whose fetching end went away before its last byte.
    pub(crate) fn lost(&self, at: u64) -> Error {
        Error::new(ErrorKind::Closed, format!("the part {:?} ended at {at}", self.range))
            .with_operation(GET_OBJECT)
            .advice("the runtime that the reader was opened on was shut down: keep it until the read is over")
    }
}
