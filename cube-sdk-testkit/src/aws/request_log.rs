//! What was asked and what was answered, for tests that count calls and compare them with somebody's books.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One request that arrived, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The operation: `GetObject`, `AssumeRole`, …; `Unknown` where the request names none.
    pub operation: String,
    /// Method and path with query, signatures and credentials of presigned URLs left out.
    pub line: String,
    /// The object key, for calls on objects.
    pub key: Option<String>,
    /// The `Range` header as sent.
    pub range: Option<String>,
    /// The `If-Match` header as sent.
    pub if_match: Option<String>,
    /// The status decided on; `None` while there is none, and where the connection was dropped or left instead.
    pub status: Option<u16>,
    /// The request id of the answer.
    pub request_id: String,
    /// Bytes of the answer's body handed to the connection so far.
    pub bytes: u64,
    /// How much of the answer has left.
    pub written: Written,
}

impl LoggedRequest {
    /// Whether AWS would call the request served: an answer was decided on, whatever became of the connection.
    #[must_use]
    pub fn was_served(&self) -> bool {
        self.status.is_some()
    }
}

/// How much of an answer has reached the socket; what the peer has read of it only the peer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Written {
    /// Not a byte.
    Nothing,
    /// Some bytes, the first of the head at least.
    Begun,
    /// Head and body.
    Whole,
}

const ALL_GIVEN: u8 = 4;

/// How far the answer to one request has come.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    status: AtomicU16,
    bytes: AtomicU64,
    /// [`Written`] as a number, and [`ALL_GIVEN`] once the connection has been given the whole body.
    stage: AtomicU8,
}

impl Tally {
    pub(crate) fn decided(&self, status: u16) {
        self.status.store(status, Ordering::Release);
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::AcqRel);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// The whole body was handed to the connection.
    pub(crate) fn all_given(&self) {
        self.stage.fetch_or(ALL_GIVEN, Ordering::AcqRel);
    }

    /// Bytes of the answer left.
    pub(crate) fn left(&self, count: usize) {
        if count > 0 {
            self.stage.fetch_or(1, Ordering::AcqRel);
        }
    }

    /// All that the connection was given has left.
    pub(crate) fn flushed(&self) {
        if self.stage.load(Ordering::Acquire) == ALL_GIVEN | 1 {
            self.stage.fetch_or(2, Ordering::AcqRel);
        }
    }

    fn written(&self) -> Written {
        match self.stage.load(Ordering::Acquire) & 3 {
            0 => Written::Nothing,
            1 => Written::Begun,
            _ => Written::Whole,
        }
    }
}

/// The requests since the start, in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    on: bool,
    lines: Mutex<Vec<(LoggedRequest, Arc<Tally>)>>,
}

impl RequestLog {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, lines: Mutex::default() }
    }

    /// Notes a request; how it fares is read from `tally`.
    pub(crate) fn add(&self, tally: &Arc<Tally>, entry: impl FnOnce() -> LoggedRequest) {
        if self.on {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((entry(), tally.clone()));
        }
    }

    pub(crate) fn entries(&self) -> Vec<LoggedRequest> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let now = |(entry, tally): &(LoggedRequest, Arc<Tally>)| LoggedRequest {
            status: Some(tally.status.load(Ordering::Acquire)).filter(|status| *status > 0),
            bytes: tally.bytes(),
            written: tally.written(),
            ..entry.clone()
        };
        lines.iter().map(now).collect()
    }
}
