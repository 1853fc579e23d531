//! The clocks of one call, each owned by what it ends.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Sent, WhichClock};

/// The clocks of one call. Each ends only what it names.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Clocks {
    /// From sending to the head of the answer.
    pub first_byte: Duration,
    /// Between two chunks of the body.
    pub idle: Duration,
    /// One attempt, head and body.
    pub attempt: Duration,
    /// The whole call, credentials, retries and waits included.
    pub deadline: Duration,
}

impl Default for Clocks {
    /// First byte 30 s, idle 20 s, attempt 60 s, deadline 120 s.
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(20),
            attempt: Duration::from_secs(60),
            deadline: Duration::from_secs(120),
        }
    }
}

/// The error of a clock that ran out before the answer was whole.
pub(crate) fn ran_out(clock: WhichClock, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{clock} clock: no end within {:.0} s", limit.as_secs_f64()))
        .with_clock(clock)
        .with_sent(Sent::Unknown)
}
