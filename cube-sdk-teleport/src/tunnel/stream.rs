//! One stream: its state, and how it ended.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::app_name::AppName;
use super::code::TunnelCode;
use super::frame::Version;
use super::window::Receiver;

/// Which side cut a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Party {
    /// This end, or the local connection behind it.
    Local,
    /// The other end of the tunnel, or what is behind it.
    Remote,
    /// The connection between them.
    Connection,
}

/// How a stream ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// Both directions came to their end (version 1: one side closed).
    Completed,
    /// It was cut or refused.
    Cut {
        /// By whom.
        by: Party,
        /// Why.
        code: TunnelCode,
        /// For people; may be empty.
        message: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Cut { code, message, .. } if message.is_empty() => write!(f, "{code}"),
            Self::Cut { code, message, .. } => write!(f, "{code}: {message}"),
        }
    }
}

/// What a stream did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamReport {
    /// Its id on its connection.
    pub stream: u32,
    /// The app it was for.
    pub app: AppName,
    /// Payload bytes sent into the tunnel.
    pub sent: u64,
    /// Payload bytes that came out of the tunnel for this stream.
    pub received: u64,
    /// From CONNECT to the end.
    pub lasted: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// How far the opening of a stream got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Relay: accepted, waits for its turn to be dialled.
    Queued,
    /// Agent: CONNECT sent. Relay: being authorised and dialled.
    Opening,
    /// Both ends know that it is open.
    Open,
}

/// The state of one stream, either end, either version.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) app: AppName,
    pub(super) phase: Phase,
    pub(super) since: Instant,
    /// When bytes last moved.
    pub(super) touched: Instant,
    /// Bytes that may still be sent.
    pub(super) credit: u64,
    /// Bytes wait for credit.
    pub(super) blocked: bool,
    pub(super) fin_sent: bool,
    pub(super) fin_received: bool,
    /// What the other side may send; none in version 1.
    pub(super) receiver: Option<Receiver>,
    /// The local side can end one direction alone.
    pub(super) half_close: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Stream {
    pub(super) fn new(
        id: u32,
        app: AppName,
        phase: Phase,
        now: Instant,
        version: Version,
        windows: (u32, u32),
    ) -> Self {
        let (ours, theirs) = windows;
        Self {
            id,
            app,
            phase,
            since: now,
            touched: now,
            credit: match version {
                Version::V1 => u64::MAX,
                Version::V2 => u64::from(theirs),
            },
            blocked: false,
            fin_sent: false,
            fin_received: false,
            receiver: (version == Version::V2).then(|| Receiver::new(ours)),
            half_close: true,
            sent: 0,
            received: 0,
        }
    }

    /// What may be under way and wait here together.
    pub(super) fn granted(&self) -> u64 {
        self.receiver.as_ref().map_or(0, Receiver::granted)
    }

    pub(super) fn report(self, now: Instant, ending: Ending) -> StreamReport {
        StreamReport {
            stream: self.id,
            app: self.app,
            sent: self.sent,
            received: self.received,
            lasted: now.duration_since(self.since),
            ending,
        }
    }

    /// One direction ended, and the local side cannot say so to its peer.
    pub(super) fn is_one_way(&self) -> bool {
        !self.half_close && self.fin_sent != self.fin_received
    }
}
