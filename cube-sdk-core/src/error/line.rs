//! An error is one line of at most 2 000 characters, whatever a server sends.

use std::fmt;

use super::{Error, Sent};
use crate::redact::one_line;

/// The longest message, in characters.
pub(super) const MESSAGE: usize = 600;
/// The longest target.
pub(super) const TARGET: usize = 500;
/// The longest code of a server.
pub(super) const CODE: usize = 100;
/// The longest request id.
pub(super) const REQUEST_ID: usize = 128;
/// The longest advice.
pub(super) const ADVICE: usize = 400;

/// A text of a part, ready for the line. The ends are trimmed: servers end theirs with line breaks.
pub(super) fn part(text: impl Into<String>, limit: usize) -> String {
    let text = text.into();
    match one_line(text.trim(), limit) {
        line if line == text => text,
        line => line.into_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}")?;
            if let Some(target) = &inner.target {
                write!(f, " on {target}")?;
            }
            f.write_str(": ")?;
        } else if let Some(target) = &inner.target {
            write!(f, "{target}: ")?;
        }
        f.write_str(self.message())?;
        self.fmt_answer(f)?;
        if inner.retry.attempts > 0 {
            write!(f, "; {}", inner.retry)?;
        }
        if inner.operation.is_some() && inner.sent != Sent::Yes {
            write!(f, "; sent: {}", inner.sent.as_str())?;
        }
        if let Some(after) = inner.retry_after {
            // Rounded up: who reads it must not come too soon.
            write!(f, "; retry after {} s", after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)))?;
        }
        if let Some(advice) = &inner.advice {
            write!(f, "; next: {advice}")?;
        }
        Ok(())
    }
}

impl Error {
    fn fmt_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut parts = Vec::new();
        if let Some(status) = inner.status {
            parts.push(format!("status {}", status.as_u16()));
        }
        if let Some(code) = &inner.code {
            parts.push(format!("code {code}"));
        }
        if let Some(id) = &inner.request_id {
            parts.push(format!("request id {id}"));
        }
        if parts.is_empty() { Ok(()) } else { write!(f, " ({})", parts.join(", ")) }
    }
}
