//! What time brings: limits, idleness, silence.

use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::window::GROWTH_PER_CONNECTION;
use super::{Mux, ONE_WAY_LIMIT};
use crate::refusal::TunnelCode;
use crate::tunnel::codec::Breach;
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::mux::keepalive::Beat;

/// The first HELLO of the peer must come within this time.
const HELLO_LIMIT: Duration = Duration::from_secs(10);

impl Mux {
    /// Bytes of any sort came in.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.keepalive.heard(now);
    }

    /// A pong of either layer; gives the round trip that it measured.
    pub(crate) fn pong(&mut self, now: Instant, nonce: u64) -> Option<Duration> {
        let trip = self.keepalive.answered(now, nonce)?;
        self.path.measured(now, trip, self.growth < GROWTH_PER_CONNECTION);
        Some(trip)
    }

    pub(super) fn scan_by(&mut self, at: Instant) {
        self.idle_scan = Some(self.idle_scan.map_or(at, |scan| scan.min(at)));
    }

    pub(super) fn note_idle(&mut self, now: Instant) {
        if let Some(limit) = self.rules.idle_limit {
            self.scan_by(later(now, limit));
        }
    }

    /// When [`Mux::tick`] wants to be called.
    pub(crate) fn next_tick(&self) -> Instant {
        let busy = self.blocked > 0 || self.credit_returned;
        let mut next = self.keepalive.next(busy);
        if self.terms.strict && self.peer.is_none() {
            next = next.min(later(self.started, HELLO_LIMIT));
        }
        if let Some((at, _)) = self.openings.front() {
            next = next.min(*at);
        }
        self.idle_scan.map_or(next, |scan| next.min(scan))
    }

    /// Looks at the clocks. In version 1 a ping is to be sent as a WebSocket ping: its nonce is given back.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<Option<u64>, Breach> {
        if self.terms.strict && self.peer.is_none() && now >= later(self.started, HELLO_LIMIT) {
            return Err(Breach::protocol("no HELLO within 10 s"));
        }
        while let Some((at, id)) = self.openings.front().copied() {
            let slot = self.ids.get(&id).copied();
            let pending = slot.and_then(|slot| self.live(slot)).is_some_and(|stream| !stream.is_open());
            if pending && at > now {
                break;
            }
            self.openings.pop_front();
            if pending && let Some(slot) = slot {
                self.cut(now, slot, TunnelCode::DialTimeout, "no answer in time");
            }
        }
        if self.idle_scan.is_some_and(|scan| now >= scan) {
            self.scan_idle(now);
        }
        let busy = self.blocked > 0 || self.credit_returned;
        match self.keepalive.beat(now, busy) {
            Beat::Rest => Ok(None),
            Beat::Dead => Err(Breach { code: 1001, reason: "no byte from the peer for too long".to_owned() }),
            Beat::Ping(nonce) => {
                self.credit_returned = false;
                if self.terms.websocket_pings {
                    return Ok(Some(nonce));
                }
                self.frames.push_back((None, Frame::Ping(nonce)));
                Ok(None)
            }
        }
    }

    fn scan_idle(&mut self, now: Instant) {
        self.idle_scan = None;
        for slot in 0..self.entries.len() {
            let configured = self.rules.idle_limit;
            let Some(stream) = self.live(slot) else { continue };
            let one_way = stream.is_one_way();
            let limit = if one_way { Some(configured.unwrap_or(ONE_WAY_LIMIT).min(ONE_WAY_LIMIT)) } else { configured };
            let Some(limit) = limit else { continue };
            let due = stream.idle_at(limit);
            if due > now {
                self.scan_by(due);
            } else if one_way && stream.has_peer_finished() {
                self.local_eof(now, slot);
            } else {
                self.cut(now, slot, TunnelCode::Idle, "no byte either way");
            }
        }
    }
}
