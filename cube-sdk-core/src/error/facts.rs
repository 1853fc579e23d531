//! What the SDK itself knows about a failure, as types. What a server said is [`Error::code`](super::Error::code).

use std::fmt;

use super::{Error, ErrorKind};

/// The clock of ours that ran out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum WhichClock {
    /// Making the connection: address, TCP, TLS, proxies and what the protocol says first.
    Connect,
    /// From sending to the head of the answer.
    FirstByte,
    /// Between two pieces of a body or stream.
    Idle,
    /// One attempt as a whole.
    Attempt,
    /// The call as a whole, repeats and waits included. It is not repeated.
    Deadline,
    /// Waiting for something long to end. The thing goes on.
    Waiter,
}

impl WhichClock {
    /// The word used in error lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstByte => "first-byte",
            Self::Idle => "idle",
            Self::Attempt => "attempt",
            Self::Deadline => "deadline",
            Self::Waiter => "waiter",
        }
    }
}

impl fmt::Display for WhichClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) clock: Option<WhichClock>,
    pub(super) transient: Option<bool>,
    pub(super) ambiguous: bool,
}

/// What retry and waiting ask.
impl Error {
    /// The clock that ran out, for `Timeout`; none when it was the server that ran out of time.
    pub fn clock(&self) -> Option<WhichClock> {
        self.0.facts.clock
    }

    /// True for errors that may vanish when the same call is made again later.
    ///
    /// The kind tells, unless the maker of the error knows better: credentials that could not be had because their
    /// endpoint is busy may come; a certificate that is not trusted stays so.
    pub fn is_transient(&self) -> bool {
        self.0.facts.transient.unwrap_or(matches!(
            self.0.kind,
            ErrorKind::Throttled
                | ErrorKind::Unavailable
                | ErrorKind::Server
                | ErrorKind::Connect
                | ErrorKind::Transport
                | ErrorKind::Timeout
        ))
    }

    /// True when a name fits several things; the message names some of them.
    pub fn is_ambiguous(&self) -> bool {
        self.0.facts.ambiguous
    }
}
