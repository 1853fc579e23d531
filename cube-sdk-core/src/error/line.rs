//! An error is one line of at most 2 000 characters, whatever a server sends.

use std::fmt;

use super::{Error, Sent};
use crate::one_line::one_line;

/// The longest line, in characters. Where all parts are long the message is what is cut.
const LINE: usize = 2000;
/// The longest message.
pub(super) const MESSAGE: usize = 1000;
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
        let (before, after) = (self.about(), self.around());
        let room = LINE.saturating_sub(before.chars().count() + after.chars().count() + 1);
        write!(f, "{before}{}{after}", one_line(self.message(), room))
    }
}

impl Error {
    /// What stands before the message: the call and what it was about.
    fn about(&self) -> String {
        match (self.0.operation, &self.0.target) {
            (Some(operation), Some(target)) => format!("{operation} on {target}: "),
            (Some(operation), None) => format!("{operation}: "),
            (None, Some(target)) => format!("{target}: "),
            (None, None) => String::new(),
        }
    }

    /// What stands after it: the answer, what was tried, what to do.
    fn around(&self) -> String {
        let inner = &self.0;
        let answer = [
            inner.status.map(|status| format!("status {}", status.as_u16())),
            inner.code.as_ref().map(|code| format!("code {code}")),
            inner.request_id.as_ref().map(|id| format!("request id {id}")),
        ];
        let answer: Vec<_> = answer.into_iter().flatten().collect();
        let mut text = if answer.is_empty() { String::new() } else { format!(" ({})", answer.join(", ")) };
        if inner.retry.attempts > 0 {
            text += &format!("; {}", inner.retry);
        }
        if inner.operation.is_some() && inner.sent != Sent::Yes {
            text += &format!("; sent: {}", inner.sent.as_str());
        }
        if let Some(after) = inner.retry_after {
            // Rounded up: who reads it must not come too soon.
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
            text += &format!("; retry after {seconds} s");
        }
        if let Some(advice) = &inner.advice {
            text += &format!("; next: {advice}");
        }
        text
    }
}
