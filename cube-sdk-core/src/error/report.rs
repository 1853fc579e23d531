//! What was sent, and what the SDK tried before it gave up.

use std::fmt;
use std::time::Duration;

/// Did the request reach the server?
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Sent {
    /// Nothing left this machine: the call certainly had no effect.
    No,
    /// Bytes went out and no answer came: the server may or may not have acted.
    #[default]
    Unknown,
    /// The server answered.
    Yes,
}

impl Sent {
    /// The word used in error lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

/// Why no further attempt was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum StopReason {
    /// The kind of error is never repeated, or the operation may run only once.
    #[default]
    NotRetryable,
    /// The policy's attempts are used up.
    Attempts,
    /// The time for waiting out a server that throttles is used up.
    Patience,
    /// The next wait would have passed the call's deadline.
    Deadline,
    /// The retry budget shared by all calls of the client is empty.
    Budget,
    /// The server asked for a longer wait than the policy's ceiling.
    RetryAfterTooLong,
}

impl StopReason {
    /// The words used in error lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotRetryable => "not retryable",
            Self::Attempts => "attempts used up",
            Self::Patience => "the server throttled for longer than the policy waits",
            Self::Deadline => "deadline reached",
            Self::Budget => "retry budget empty",
            Self::RetryAfterTooLong => "server asks for a longer wait than allowed",
        }
    }
}

/// What the SDK tried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RetryReport {
    /// Attempts made, the first included. 0 when the call was refused before it was sent.
    pub attempts: u32,
    /// Time from the start of the call to its end.
    pub elapsed: Duration,
    /// Why no further attempt was made.
    pub stopped: StopReason,
}

impl RetryReport {
    /// A report of a call that ended.
    pub const fn new(attempts: u32, elapsed: Duration, stopped: StopReason) -> Self {
        Self { attempts, elapsed, stopped }
    }
}

impl fmt::Display for RetryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{} {noun} in {:.1} s, {}", self.attempts, self.elapsed.as_secs_f64(), self.stopped.as_str())
    }
}
