//! One stream: how far it is opened, what it may send, what it may be sent. It alone turns its own states.

use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::path::Path;
use super::terms::Terms;
use super::window::Receiver;
use crate::app_name::AppName;
use crate::tunnel::report::{Ending, StreamReport};

/// Credit that may be outstanding.
const CREDIT_LIMIT: u64 = (1 << 31) - 1;

/// How far the opening got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Relay: accepted, waits for its turn to be dialled.
    Queued,
    /// Agent: CONNECT sent. Relay: being authorised and dialled.
    Opening,
    /// Both ends know that it is open. Can the local side end one direction alone?
    Open { half_close: bool },
}

/// This side's direction.
#[derive(Debug)]
enum Sending {
    /// So many bytes may be sent (none: as many as there are); `starved` when some wait for more.
    Flowing {
        credit: Option<u64>,
        starved: bool,
    },
    Finished,
}

/// The peer's direction, with what it may send (none in version 1).
#[derive(Debug)]
enum Receiving {
    Flowing(Option<Receiver>),
    Finished(Option<Receiver>),
}

/// What is left when one direction ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Left {
    /// Nothing: both ended.
    Nothing,
    /// The other direction.
    Half,
    /// The other direction, which the local side cannot tell from both: it ends by itself when nothing moves.
    OneWay,
}

/// The state of one stream, either end, either version.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) app: AppName,
    pub(super) since: Instant,
    /// When bytes last moved.
    touched: Instant,
    stage: Stage,
    sending: Sending,
    receiving: Receiving,
    sent: u64,
    received: u64,
}

impl Stream {
    /// A stream that is asked for; `windows` are ours and the peer's at the opening. A relay queues it first.
    pub(super) fn new(id: u32, app: AppName, queued: bool, now: Instant, terms: &Terms, windows: (u32, u32)) -> Self {
        let (ours, theirs) = windows;
        Self {
            id,
            app,
            since: now,
            touched: now,
            stage: if queued { Stage::Queued } else { Stage::Opening },
            sending: Sending::Flowing { credit: terms.credit.then_some(u64::from(theirs)), starved: false },
            receiving: Receiving::Flowing(terms.credit.then(|| Receiver::new(ours))),
            sent: 0,
            received: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open { .. })
    }

    pub(super) fn is_queued(&self) -> bool {
        self.stage == Stage::Queued
    }

    /// Its turn to be dialled came.
    pub(super) fn dial(&mut self) {
        self.stage = Stage::Opening;
    }

    /// It is open from now on. Gives true when the local side ends both directions with one, and one is over already.
    pub(super) fn opened(&mut self, now: Instant, half_close: bool) -> bool {
        self.stage = Stage::Open { half_close };
        self.touched = now;
        self.is_one_way()
    }

    /// One direction ended, and the local side cannot say so to its peer.
    pub(super) fn is_one_way(&self) -> bool {
        let ended = matches!(self.sending, Sending::Finished) != self.has_peer_finished();
        ended && self.stage == Stage::Open { half_close: false }
    }

    pub(super) fn has_peer_finished(&self) -> bool {
        matches!(self.receiving, Receiving::Finished(_))
    }

    /// When it counts as idle, if nothing moves for `limit`.
    pub(super) fn idle_at(&self, limit: Duration) -> Instant {
        later(self.touched, limit)
    }

    /// How many bytes may be sent now.
    pub(super) fn sendable(&self, early_data: bool) -> u64 {
        match self.sending {
            Sending::Flowing { credit, .. } if self.is_open() || early_data => credit.unwrap_or(u64::MAX),
            _ => 0,
        }
    }

    pub(super) fn sent(&mut self, now: Instant, bytes: u64) {
        if let Sending::Flowing { credit: Some(credit), .. } = &mut self.sending {
            *credit = credit.saturating_sub(bytes);
        }
        self.sent += bytes;
        self.touched = now;
    }

    /// Bytes wait for credit. True when that is news.
    pub(super) fn starve(&mut self) -> bool {
        let open = self.is_open();
        match &mut self.sending {
            Sending::Flowing { starved, .. } if open => !std::mem::replace(starved, true),
            _ => false,
        }
    }

    pub(super) fn is_starved(&self) -> bool {
        matches!(self.sending, Sending::Flowing { starved: true, .. })
    }

    /// More may be sent. True when bytes waited for it.
    pub(super) fn credited(&mut self, bytes: u32) -> Result<bool, &'static str> {
        // What comes for a direction that is over is of no use, and no breach.
        let Sending::Flowing { credit: Some(credit), starved } = &mut self.sending else { return Ok(false) };
        *credit += u64::from(bytes);
        if *credit > CREDIT_LIMIT {
            return Err("more than 2^31 - 1 bytes of credit");
        }
        Ok(std::mem::take(starved))
    }

    /// This side's direction ended; none when it had before. The second is true when bytes had waited for credit.
    pub(super) fn finish(&mut self) -> Option<(Left, bool)> {
        let Sending::Flowing { starved, .. } = self.sending else { return None };
        self.sending = Sending::Finished;
        Some((self.left(), starved))
    }

    /// The peer's direction ended.
    pub(super) fn peer_finished(&mut self, now: Instant) -> Result<Left, &'static str> {
        let Receiving::Flowing(receiver) = &mut self.receiving else { return Err("FIN twice") };
        self.receiving = Receiving::Finished(receiver.take());
        self.touched = now;
        Ok(self.left())
    }

    fn left(&self) -> Left {
        if matches!(self.sending, Sending::Finished) && self.has_peer_finished() {
            Left::Nothing
        } else if self.is_one_way() {
            Left::OneWay
        } else {
            Left::Half
        }
    }

    /// The peer sent bytes.
    pub(super) fn received(&mut self, now: Instant, bytes: u64) -> Result<(), &'static str> {
        match &mut self.receiving {
            Receiving::Finished(_) => return Err("DATA after FIN"),
            Receiving::Flowing(Some(receiver)) => {
                if !receiver.received(now, bytes) {
                    return Err("DATA beyond the credit");
                }
            }
            Receiving::Flowing(None) => {}
        }
        self.received += bytes;
        self.touched = now;
        Ok(())
    }

    /// The consumer took bytes. Gives the credit to send; `growth` is what the connection's windows may still grow by.
    pub(super) fn written(&mut self, now: Instant, bytes: u64, path: &Path, growth: &mut u64) -> Option<u32> {
        self.touched = now;
        match &mut self.receiving {
            Receiving::Flowing(Some(receiver)) => receiver.written(now, bytes, path, growth),
            _ => None,
        }
    }

    /// What the peer may send.
    pub(super) fn receiver(&self) -> Option<&Receiver> {
        match &self.receiving {
            Receiving::Flowing(receiver) | Receiving::Finished(receiver) => receiver.as_ref(),
        }
    }

    /// What may be under way and wait here together.
    pub(super) fn granted(&self) -> u64 {
        self.receiver().map_or(0, Receiver::granted)
    }

    /// What its window grew by.
    pub(super) fn growth(&self) -> u64 {
        self.receiver().map_or(0, Receiver::growth)
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

    #[cfg(test)]
    pub(super) fn credit(&self) -> u64 {
        match self.sending {
            Sending::Flowing { credit, .. } => credit.unwrap_or(u64::MAX),
            Sending::Finished => 0,
        }
    }
}
