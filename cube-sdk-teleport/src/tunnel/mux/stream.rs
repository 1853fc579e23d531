//! One stream: its state.

use tokio::time::Instant;

use super::window::Receiver;
use crate::app_name::AppName;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::report::{Ending, StreamReport};

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
