//! How streams begin: local connections at the agent, dials at the relay.

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::stream::Stream;
use super::{Action, Mux, ONE_WAY_LIMIT, Slot};
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::report::{Ending, Party};

impl Mux {
    /// Agent: a local connection came in.
    pub(crate) fn open(&mut self, now: Instant, app: &AppName) -> Result<Slot, TunnelCode> {
        if !self.is_ready() {
            return Err(TunnelCode::Draining);
        }
        let most = self.peer.map_or(self.rules.hello.max_streams, |hello| hello.max_streams);
        if !self.has_room(most) {
            return Err(TunnelCode::Busy);
        }
        let id = self.last_id.checked_add(1).ok_or(TunnelCode::Busy)?;
        self.last_id = id;
        let windows = (self.rules.hello.window, self.peer.map_or(0, |hello| hello.window));
        let slot = self.insert(Stream::new(id, app.clone(), false, now, &self.terms, windows));
        self.openings.push_back((later(now, self.rules.open_limit), id));
        self.frames.push_back((Some(slot), Frame::Connect { stream: id, app: app.as_str().as_bytes().to_vec() }));
        self.note_idle(now);
        Ok(slot)
    }

    /// Relay: dialling ended. `half_close` tells whether the app's connection can end one direction alone.
    pub(crate) fn dialled(&mut self, now: Instant, slot: Slot, outcome: Result<bool, Refusal>) {
        self.dialling = self.dialling.saturating_sub(1);
        #[cfg(test)]
        self.keep_dial_place();
        if let Some(stream) = self.live(slot) {
            let id = stream.id;
            match outcome {
                Ok(half_close) => {
                    let one_way = stream.opened(now, half_close);
                    self.frames.push_back((Some(slot), Frame::Connected { stream: id }));
                    if one_way {
                        self.scan_by(later(now, ONE_WAY_LIMIT));
                    }
                }
                Err(refusal) => self.refuse(now, slot, id, refusal),
            }
        }
        self.dial_next(now);
    }

    pub(super) fn refuse(&mut self, now: Instant, slot: Slot, id: u32, refusal: Refusal) {
        let Refusal { code, message } = refusal;
        self.frames.push_back((Some(slot), Frame::Error { stream: id, code: Some(code), text: message.clone() }));
        self.end(now, slot, Ending::Cut { by: Party::Local, code, message });
    }

    pub(super) fn dial_next(&mut self, now: Instant) {
        while self.dialling < self.rules.max_dialling {
            let Some(id) = self.waiting.pop_front() else { return };
            let Some(slot) = self.ids.get(&id).copied() else { continue };
            let limit = self.rules.open_limit;
            if let Some(stream) = self.live(slot) {
                stream.dial();
                let (app, deadline) = (stream.app.clone(), later(stream.since, limit));
                self.dialling += 1;
                self.actions.push_back(Action::Dial { slot, app, deadline: deadline.max(now) });
            }
        }
    }

    /// The dial of a stream that is over was dropped.
    pub(crate) fn dial_dropped(&mut self, now: Instant) {
        self.dialling = self.dialling.saturating_sub(1);
        self.dial_next(now);
    }

    /// Version 1 may use the id again at once: what was noted for it must not meet the next stream.
    pub(super) fn forget_opening(&mut self, stream: &Stream) {
        let deadline = later(stream.since, self.rules.open_limit);
        let from = self.openings.partition_point(|(at, _)| *at < deadline);
        let noted = self.openings.iter().skip(from).take_while(|(at, _)| *at == deadline);
        if let Some(at) = noted.map(|(_, id)| *id).position(|id| id == stream.id) {
            self.openings.remove(from + at);
        }
        if stream.is_queued()
            && let Some(at) = self.waiting.iter().position(|id| *id == stream.id)
        {
            self.waiting.remove(at);
        }
    }
}
