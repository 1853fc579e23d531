//! What was asked and what was answered, for tests that count calls.

use std::sync::{Mutex, PoisonError};

/// One answered request.
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
    /// The status answered; `None` where the connection was dropped instead.
    pub status: Option<u16>,
    /// The request id in the answer.
    pub request_id: String,
}

/// The requests since the start, in the order in which they arrived at an answer.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    on: bool,
    lines: Mutex<Vec<LoggedRequest>>,
}

impl RequestLog {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, lines: Mutex::default() }
    }

    pub(crate) fn add(&self, entry: impl FnOnce() -> LoggedRequest) {
        if self.on {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(entry());
        }
    }

    pub(crate) fn entries(&self) -> Vec<LoggedRequest> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
