//! The start of a read: the first request, which is already the first part, and what its answer sets going.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use cube_sdk_core::retry::Attempt;
use cube_sdk_core::{Error, ErrorKind, Result, awaitable};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::budget::Budget;
use super::checksum::{hashing, mismatch};
use super::concurrency::Concurrency;
use super::crc::WholeCrc;
use super::hold::Hold;
use super::object::{ObjectReader, Task};
use super::open::OpenObject;
use super::ordered::Ordered;
use super::part::part;
use super::plan::{MOST_FAR, Plan, part_size};
use super::progress::ReaderEvent;
use super::source::{Answer, Counters, Digested, Got, Source};
use super::window::{MOST, START, Window};
use crate::code::ByoCode;
use crate::digest::Sha256;
use crate::fault::ByoFault;
use crate::session::{GET_OBJECT, Lease};

/// The first part is small: nothing else can start before its answer is there.
pub(super) const FIRST_PART: u64 = 1024 * 1024;

impl OpenObject {
    /// What the parts of this read will share.
    pub(super) fn source(&mut self) -> Result<Arc<Source>> {
        let uri = self.check()?;
        let source = Source {
            session: self.session.clone(),
            uri,
            deadline: self.ends(),
            budget: Budget::new(self.room()),
            events: self.events.clone(),
            pin: self.pin.clone().map_or_else(OnceLock::new, OnceLock::from),
            size: OnceLock::new(),
            counters: Counters::default(),
            hold: Hold::new(self.session.retrier().policy().throttle_waits()),
            slow_down: Notify::new(),
            digested: self.digest.then(Digested::default),
            checksum: self.checksum.clone(),
            started: Instant::now(),
        };
        Ok(Arc::new(source))
    }

    async fn open(mut self) -> Result<ObjectReader> {
        self.expect_stored().await?;
        let source = self.source()?;
        let start = self.range.as_ref().map_or(0, |range| range.start);
        let most = self.range.as_ref().map_or(u64::MAX, |range| range.end - range.start);
        let length = part_size(self.part_size, self.room(), START).min(FIRST_PART).min(most);
        let first = start..start.saturating_add(length);
        // The first part is the only one whose bytes are reserved before its size is known.
        let _ = source.budget.try_reserve(length);
        let got = fetch_first(&source, &first).await?;
        let size = self.check_size(&source, &got).await?;
        let answer = match got {
            // An empty object has no part, whether the server says so by 416 or by 200.
            Got::Bytes(answer) if size > 0 => answer,
            _ => {
                source.budget.release(length);
                return self.open_empty(source);
            }
        };
        let end = self.range.as_ref().map_or(size, |range| range.end.min(size));
        source.budget.release(length - (answer.range.end - answer.range.start));
        source.counters.taken.store(start, Ordering::Release);
        source.counters.wanted.store(end - start, Ordering::Relaxed);
        source.tell(|| ReaderEvent::Opened { size, wanted: end - start });
        Ok(self.start(source, answer, end).await)
    }

    async fn start(self, source: Arc<Source>, mut answer: Box<Answer>, end: u64) -> ObjectReader {
        let (parts, received) = mpsc::unbounded_channel();
        let start = answer.range.start;
        let plan = Plan::new(answer.range.end..end, self.part_size, self.room());
        let (fetch, chunks) = part(Arc::clone(&source), answer.range.clone());
        // Waiting here spares the first chunk every change of task, and the cores are its own until it is there.
        fetch.begin(&mut answer).await;
        // The receiver is in hand.
        let _ = parts.send(chunks);
        let most = self.concurrency.unwrap_or(MOST);
        let far = (self.concurrency.unwrap_or(MOST_FAR), self.room_far());
        let control = Concurrency::new(START, most);
        let window = Window { source: Arc::clone(&source), plan, control, far, parts, asked: VecDeque::new() };
        let mut tasks = vec![Task(tokio::spawn(window.run((fetch, answer))))];
        let ordered = Ordered::new(received, start, end, WholeCrc::of(&source));
        let sha256 = Arc::new(OnceLock::new());
        let hashing = self.digest.then(|| {
            let (hashing, hasher) = hashing(Arc::clone(&source), self.sha256, Arc::clone(&sha256));
            tasks.push(Task(tokio::spawn(hasher.run())));
            hashing
        });
        let current = bytes::Bytes::new();
        ObjectReader { source, chunks: Some(ordered), hashing, held: None, current, sha256, tasks, failed: false }
    }

    fn open_empty(self, source: Arc<Source>) -> Result<ObjectReader> {
        let digest = Sha256::of(b"");
        if let Some(expected) = self.sha256.filter(|expected| *expected != digest) {
            return Err(mismatch(&source, expected, digest));
        }
        if let Some(crc) = WholeCrc::of(&source) {
            crc.check()?;
        }
        let _ = source.size.set(0);
        source.tell(|| ReaderEvent::Opened { size: 0, wanted: 0 });
        let sha256 = if self.digest { OnceLock::from(digest) } else { OnceLock::new() };
        Ok(ObjectReader {
            source,
            chunks: None,
            hashing: None,
            held: None,
            current: bytes::Bytes::new(),
            sha256: Arc::new(sha256),
            tasks: Vec::new(),
            failed: false,
        })
    }

    /// The object's size, when it is the expected one.
    pub(super) async fn check_size(&self, source: &Source, got: &Got) -> Result<u64> {
        let size = match got {
            Got::Bytes(answer) => answer.size,
            Got::BehindEnd(error) => self.size_behind_end(source, error).await?,
        };
        match self.size {
            Some(expected) if expected != size => {
                let detail = format!("size mismatch: expected {expected} bytes, the object has {size}");
                let fault = ByoFault::new(ByoCode::SizeMismatch).with_detail(detail);
                Err(fault.into_error(GET_OBJECT).with_target(source.uri.to_string()))
            }
            _ => Ok(size),
        }
    }

    /// The range starts behind the object's end: it is empty, or shorter than the caller thinks. Under an ETag of the
    /// caller's that says nothing yet, since S3 looks at the range before the condition: a HEAD tells.
    async fn size_behind_end(&self, source: &Source, error: &Error) -> Result<u64> {
        if let Some(pin) = &self.pin {
            let info = self.session.inspect_until(&source.uri, source.deadline).await?;
            if !pin.is(&info.etag) {
                return Err(source.overwritten("its etag is not the one that was asked for"));
            }
            let start = self.range.as_ref().map_or(0, |range| range.start);
            if start < info.size {
                let refused = source.refused_within(&(start..info.size), info.size);
                return Err(refused.with_request_id(error.request_id()));
            }
        }
        if self.range.as_ref().is_none_or(|range| range.start == 0) {
            return Ok(0);
        }
        let refusal = Error::new(ErrorKind::InvalidInput, "the range starts behind the end of the object");
        Err(refusal.with_operation(GET_OBJECT).with_target(source.uri.to_string()).with_request_id(error.request_id()))
    }
}

/// The first ranged GET, repeated as the policy allows.
pub(super) async fn fetch_first(source: &Source, range: &Range<u64>) -> Result<Got> {
    let get = |attempt: Attempt, lease: Arc<Lease>| async move { source.get(&attempt, &lease, range).await };
    source.session.call(GET_OBJECT, Some(source.uri.key()), source.deadline, get).await
}

awaitable! {
    /// Opens the object: resolves when the first answer's audit row is written and its first bytes are in.
    OpenObject => ObjectReader, open
}
