//! The object being read, as every part of one reader shares it: who asks, what is pinned, what is counted.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_smithy_types::byte_stream::ByteStream;
use cube_sdk_core::retry::{Attempt, Deadline};
use cube_sdk_core::{Error, ErrorKind, Result, metrics};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::body::BodyItem;
use super::budget::Budget;
use super::hold::Hold;
use super::pin::Pin;
use super::progress::{ReaderEvent, ReaderStats};
use crate::code::ByoCode;
use crate::fault::ByoFault;
use crate::s3_uri::S3Uri;
use crate::session::{Answered, Failure, GET_OBJECT, Lease, Session, attempt_of, promised};
use crate::stored_checksum::StoredChecksum;

pub(crate) type EventSink = Arc<dyn Fn(ReaderEvent) + Send + Sync>;

/// What all parts of one reader share.
pub(crate) struct Source {
    pub(crate) session: Session,
    pub(crate) uri: S3Uri,
    pub(crate) deadline: Deadline,
    pub(crate) budget: Budget,
    pub(crate) events: Option<EventSink>,
    /// The version that every answer must be of.
    pub(crate) pin: OnceLock<Pin>,
    pub(crate) size: OnceLock<u64>,
    pub(crate) counters: Counters,
    pub(crate) hold: Hold,
    pub(crate) slow_down: Notify,
    /// None when no digest is computed.
    pub(crate) digested: Option<Digested>,
    /// What S3 stores of the object, where the bytes are compared with it.
    pub(crate) checksum: Option<StoredChecksum>,
    pub(crate) started: Instant,
}

/// Live figures.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: AtomicU64,
    /// The offset within the object up to which the caller has everything.
    pub(crate) taken: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) wanted: AtomicU64,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) target: AtomicUsize,
    pub(crate) requests: AtomicU64,
    pub(crate) resumed: AtomicU64,
    /// How often the caller found nothing to take.
    pub(crate) waits: AtomicU64,
    /// The caller waits: on a slow line for longer than the window looks away.
    pub(crate) waiting: AtomicBool,
    /// Answers that came, and the shortest wait for one in microseconds: what the line and the server take at least.
    answers: AtomicU64,
    least_wait: AtomicU64,
}

/// A wait for an answer that is longer than this, at least, is that of a store far away.
const FAR: Duration = Duration::from_millis(5);

/// Answers before the shortest wait says something: the first ones have connected, too.
const ENOUGH: u64 = 8;

impl Counters {
    fn answered_after(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX).max(1);
        let shorter = |least: u64| (least == 0 || wait < least).then_some(wait);
        let _ = self.least_wait.fetch_update(Ordering::AcqRel, Ordering::Acquire, shorter);
        self.answers.fetch_add(1, Ordering::AcqRel);
    }

    /// Every answer was waited for as from a store far away.
    pub(crate) fn is_far(&self) -> bool {
        self.answers.load(Ordering::Acquire) >= ENOUGH
            && u128::from(self.least_wait.load(Ordering::Acquire)) >= FAR.as_micros()
    }
}

/// Bytes that two sides hold are free when both are done with them.
#[derive(Debug, Default)]
pub(crate) struct Digested {
    pub(crate) hashed: AtomicU64,
    freed: AtomicU64,
}

impl Digested {
    /// Bytes that became free now that so many are delivered and hashed. Each side notes its own progress before it
    /// looks at the other's, so the later of the two sees both.
    fn freed(&self, delivered: u64, hashed: u64) -> u64 {
        let done = delivered.min(hashed);
        done.saturating_sub(self.freed.fetch_max(done, Ordering::SeqCst))
    }
}

/// An answer whose headers are checked and whose audit row is written.
pub(crate) struct Answer {
    pub(crate) body: ByteStream,
    /// What was read of the body already and not handed on.
    pub(crate) ahead: Option<BodyItem>,
    pub(crate) range: Range<u64>,
    pub(crate) size: u64,
    pub(crate) answered: Answered,
}

/// How a ranged GET ended without a body.
pub(crate) enum Got {
    Bytes(Box<Answer>),
    /// 416: the range starts behind the end of the object.
    BehindEnd(Error),
}

impl Source {
    /// One GET of a range. It waits its turn while the server throttles.
    pub(crate) async fn get(&self, attempt: &Attempt, lease: &Lease, range: &Range<u64>) -> Result<Got> {
        let pass = self.hold.pass().await;
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let key = self.uri.key();
        let call = lease
            .s3
            .get_object()
            .bucket(self.uri.bucket().as_str())
            .key(key.as_str())
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_if_match(self.pin.get().and_then(Pin::condition))
            .customize()
            .mutate_request(attempt_of(attempt))
            .send();
        let sent = Instant::now();
        let (output, answered) = match self.session.attempt(GET_OBJECT, Some(key), promised, call).await? {
            Ok(answer) => answer,
            Err(failure) => {
                if failure.is_overload() {
                    pass.throttled(failure.retry_after());
                    self.slow_down.notify_one();
                } else if failure.is_answer() {
                    pass.served();
                }
                let (behind_end, told) = (failure.is_range_behind_end(), failure.object_size());
                let error = self.error(failure);
                if !behind_end {
                    return Err(error);
                }
                // Such an answer must not open an object that has bytes as an empty one.
                return match told.filter(|size| range.start < *size) {
                    Some(size) => Err(self.refused_within(range, size).with_request_id(error.request_id())),
                    None => Ok(Got::BehindEnd(error)),
                };
            }
        };
        pass.served();
        self.counters.answered_after(sent.elapsed());
        match self.check(&output, range) {
            Ok((range, size)) => {
                Ok(Got::Bytes(Box::new(Answer { body: output.body, ahead: None, range, size, answered })))
            }
            Err(error) => Err(error.with_request_id(output.request_id())),
        }
    }

    /// Is this the range that was asked for, of the object that was pinned? Pins it otherwise.
    fn check(&self, output: &GetObjectOutput, asked: &Range<u64>) -> Result<(Range<u64>, u64)> {
        let length = promised(output);
        let (range, size) = match (output.content_range(), length) {
            (Some(text), _) => {
                parse_content_range(text).ok_or_else(|| self.broken_rule("the answer's Content-Range is unreadable"))?
            }
            // The whole object in answer to a range is correct HTTP; it is usable when it is what was asked.
            (None, Some(length)) if asked.start == 0 && length <= asked.end => (0..length, length),
            (None, Some(_)) => return Err(self.broken_rule("the server does not serve ranges")),
            (None, None) => return Err(self.broken_rule("the answer has neither a range nor a length")),
        };
        let promised = length.unwrap_or(range.end - range.start);
        if range.end - range.start != promised || range.start != asked.start || range.end != asked.end.min(size) {
            let text =
                format!("asked for bytes {asked:?}, the answer holds {range:?} of {size} and {promised} in length");
            return Err(self.broken_rule(&text));
        }
        if *self.size.get_or_init(|| size) != size {
            return Err(self.overwritten("its size changed while it was read"));
        }
        let etag = output.e_tag().unwrap_or_default();
        if !self.pin.get_or_init(|| Pin::new(etag)).is(etag) {
            return Err(self.overwritten("its etag is not the one that was asked for, or read before"));
        }
        Ok((range, size))
    }

    /// A range was called behind the end of an object that goes on there.
    pub(crate) fn refused_within(&self, range: &Range<u64>, size: u64) -> Error {
        self.broken_rule(&format!("bytes {range:?} are refused as behind the end of an object of {size} bytes"))
    }

    fn broken_rule(&self, what: &str) -> Error {
        Error::new(ErrorKind::Protocol, what).with_operation(GET_OBJECT).with_target(self.uri.to_string())
    }

    /// The object is another one than when the read began.
    pub(crate) fn overwritten(&self, how: &str) -> Error {
        let fault = ByoFault::new(ByoCode::IntegrityMismatch).with_detail(how);
        fault.into_error(GET_OBJECT).with_target(self.uri.to_string())
    }

    pub(crate) fn error(&self, failure: Failure) -> Error {
        self.session.error(failure, GET_OBJECT, Some(self.uri.key()), &[])
    }

    /// Who watches does not end the read: a callback that panics loses its event.
    pub(crate) fn tell(&self, event: impl FnOnce() -> ReaderEvent) {
        if let Some(events) = &self.events
            && catch_unwind(AssertUnwindSafe(|| events(event()))).is_err()
        {
            tracing::error!(object = %self.uri, "the callback for the reader's events panicked");
        }
    }

    /// The caller took bytes: they are no longer ours to account for.
    pub(crate) fn taken(&self, bytes: u64) {
        self.counters.taken.fetch_add(bytes, Ordering::AcqRel);
        let delivered = self.counters.delivered.fetch_add(bytes, Ordering::SeqCst) + bytes;
        metrics::read(bytes);
        if delivered == self.counters.wanted.load(Ordering::Relaxed) {
            metrics::read_whole(delivered, self.started.elapsed());
        }
        match &self.digested {
            Some(digested) => self.budget.release(digested.freed(delivered, digested.hashed.load(Ordering::SeqCst))),
            None => self.budget.release(bytes),
        }
    }

    /// The digest went over bytes.
    pub(crate) fn hashed(&self, bytes: u64) {
        if let Some(digested) = &self.digested {
            let hashed = digested.hashed.fetch_add(bytes, Ordering::SeqCst) + bytes;
            self.budget.release(digested.freed(self.counters.delivered.load(Ordering::SeqCst), hashed));
        }
    }

    pub(crate) fn stats(&self) -> ReaderStats {
        let counters = &self.counters;
        ReaderStats {
            received: counters.received.load(Ordering::Relaxed),
            delivered: counters.delivered.load(Ordering::Relaxed),
            wanted: counters.wanted.load(Ordering::Relaxed),
            accounted: self.budget.used(),
            in_flight: counters.in_flight.load(Ordering::Relaxed),
            target: counters.target.load(Ordering::Relaxed),
            requests: counters.requests.load(Ordering::Relaxed),
            resumed: counters.resumed.load(Ordering::Relaxed),
            elapsed: self.started.elapsed(),
        }
    }

    /// The longest wait for a chunk of a body.
    pub(crate) fn idle_limit(&self) -> Duration {
        self.deadline.limit(self.session.account.clocks().idle)
    }
}

/// `bytes 0-9/100` as `0..10` and 100.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then(|| (first..last + 1, size))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 0-9/100"), Some((0..10, 100)));
        assert_eq!(parse_content_range("bytes 99-99/100"), Some((99..100, 100)));
        for text in [
            "bytes */100",
            "bytes 5-4/100",
            "bytes 0-100/100",
            "bytes 0-9/*",
            "0-9/100",
            "bytes 0-18446744073709551615/18446744073709551615",
            "",
        ] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }

    #[test]
    fn far_is_what_every_answer_was() {
        let counters = Counters::default();
        for _ in 0..7 {
            counters.answered_after(Duration::from_millis(20));
        }
        assert!(!counters.is_far(), "too few to say");
        counters.answered_after(Duration::from_millis(30));
        assert!(counters.is_far());
        counters.answered_after(Duration::from_millis(4));
        assert!(!counters.is_far());
    }

    #[test]
    fn bytes_are_free_once_delivered_and_hashed() {
        let digested = Digested::default();
        assert_eq!(digested.freed(10, 0), 0);
        assert_eq!(digested.freed(10, 4), 4);
        assert_eq!(digested.freed(10, 12), 6);
        assert_eq!(digested.freed(12, 12), 2);
        assert_eq!(digested.freed(11, 12), 0, "the other side was quicker to tell");
    }
}
