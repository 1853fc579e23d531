//! How streams end: by their local side, cut, drained, lost.

use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::stream::Left;
use super::{Action, Entry, Mux, ONE_WAY_LIMIT, Role, Slot};
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::report::{Ending, Party};

impl Mux {
    /// The stream leaves the table; frames for its id are skipped from now on.
    pub(super) fn end(&mut self, now: Instant, slot: Slot, ending: Ending) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let Entry::Live(stream) = entry else { return };
        let over = Entry::Over(stream.granted());
        let Entry::Live(stream) = std::mem::replace(entry, over) else { return };
        self.ids.remove(&stream.id);
        #[cfg(test)]
        self.revive(stream.id, slot);
        self.forget_opening(&stream);
        self.growth += stream.growth();
        self.blocked -= usize::from(stream.is_starved());
        let settle = ending == Ending::Completed;
        self.actions.push_back(if settle { Action::Settle { slot } } else { Action::Reset { slot } });
        self.actions.push_back(Action::Ended(stream.report(now, ending)));
    }

    /// The local side ended its direction.
    pub(crate) fn local_eof(&mut self, now: Instant, slot: Slot) {
        let halves = self.terms.halves;
        let Some(stream) = self.live(slot) else { return };
        let id = stream.id;
        if !halves {
            self.frames.push_back((Some(slot), Frame::Close { stream: id, code: None, text: String::new() }));
            self.end(now, slot, Ending::Completed);
            return;
        }
        let Some((left, starved)) = stream.finish() else { return };
        self.blocked -= usize::from(starved);
        self.frames.push_back((Some(slot), Frame::Fin { stream: id }));
        match left {
            Left::Nothing => self.end(now, slot, Ending::Completed),
            Left::OneWay => self.scan_by(later(now, ONE_WAY_LIMIT)),
            Left::Half => {}
        }
    }

    /// Cuts a stream from this side.
    pub(crate) fn cut(&mut self, now: Instant, slot: Slot, code: TunnelCode, message: &str) {
        let (role, says_why) = (self.terms.role, self.terms.says_why);
        let Some(stream) = self.live(slot) else { return };
        let id = stream.id;
        if role == Role::Relay && !stream.is_open() {
            self.refuse(now, slot, id, Refusal::new(code, message));
            return;
        }
        let code_sent = says_why.then_some(code);
        self.frames.push_back((Some(slot), Frame::Close { stream: id, code: code_sent, text: message.to_owned() }));
        self.end(now, slot, Ending::Cut { by: Party::Local, code, message: message.to_owned() });
    }

    /// Cuts every stream from this side.
    pub(crate) fn cut_all(&mut self, now: Instant, code: TunnelCode, message: &str) {
        for slot in 0..self.entries.len() {
            self.cut(now, slot, code, message);
        }
    }

    /// The connection is gone: every stream ends, and nothing can be said about it.
    pub(crate) fn lost(&mut self, now: Instant, message: &str) {
        self.frames.clear();
        for slot in 0..self.entries.len() {
            let ending =
                Ending::Cut { by: Party::Connection, code: TunnelCode::ConnectionLost, message: message.to_owned() };
            self.end(now, slot, ending);
        }
    }

    /// Relay: tells the agent that it will stop, and refuses new streams.
    pub(crate) fn drain(&mut self, grace: Duration, text: &str) {
        if self.draining {
            return;
        }
        self.draining = true;
        if self.terms.strict {
            let grace_ms = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
            self.frames.push_back((None, Frame::Drain { grace_ms, text: text.to_owned() }));
        }
    }
}
