//! What the peer sends.

use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::stream::{Left, Stream};
use super::{Action, Mux, ONE_WAY_LIMIT, Role, Slot};
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::codec::Breach;
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::report::{Ending, Party};

impl Mux {
    /// A piece of DATA came in: where it goes, or none when it is to be dropped.
    pub(crate) fn data(&mut self, now: Instant, id: u32, bytes: u64) -> Result<Option<Slot>, Breach> {
        if self.terms.strict && self.peer.is_none() {
            return Err(Breach::protocol("first frame is not HELLO"));
        }
        self.path.moved(now);
        let Some(slot) = self.find(id)? else { return Ok(None) };
        let too_early = self.comes_before_connected();
        let Some(stream) = self.live(slot) else { return Ok(None) };
        if too_early && !stream.is_open() {
            return Err(Breach::protocol("DATA before CONNECTED"));
        }
        stream.received(now, bytes).map_err(Breach::protocol)?;
        Ok(Some(slot))
    }

    /// The stream of an id; none when it is over. Version 2 knows no id that was never opened.
    fn find(&self, id: u32) -> Result<Option<Slot>, Breach> {
        match self.ids.get(&id) {
            Some(slot) => Ok(Some(*slot)),
            None if !self.terms.strict || (id != 0 && id <= self.last_id) => Ok(None),
            None => Err(Breach::protocol(format!("frame for stream {id}, which was never opened"))),
        }
    }

    /// May the peer say nothing about a stream before it has answered the CONNECT?
    fn comes_before_connected(&self) -> bool {
        self.terms.strict && self.terms.role == Role::Agent
    }

    /// A frame other than DATA came in.
    pub(crate) fn frame(&mut self, now: Instant, frame: Frame) -> Result<(), Breach> {
        if self.terms.strict {
            match (&frame, self.peer.is_some()) {
                (Frame::Hello(hello), false) => {
                    self.peer = Some(*hello);
                    // The first measurement; windows can grow from then on.
                    if let Some(nonce) = self.keepalive.ask(now) {
                        self.frames.push_back((None, Frame::Ping(nonce)));
                    }
                    return Ok(());
                }
                (Frame::Hello(_), true) => return Err(Breach::protocol("second HELLO")),
                (_, false) => return Err(Breach::protocol("first frame is not HELLO")),
                (_, true) => {}
            }
        }
        match frame {
            Frame::Connect { stream, app } => self.on_connect(now, stream, &app),
            Frame::Connected { stream } => self.on_connected(now, stream),
            Frame::Close { stream, code, text } => self.on_close(now, stream, code, text),
            Frame::Error { stream, code, text } => self.on_error(now, stream, code, text),
            Frame::Credit { stream, bytes } => self.on_credit(stream, bytes),
            Frame::Fin { stream } => self.on_fin(now, stream),
            Frame::Drain { grace_ms, .. } => {
                if self.terms.role == Role::Relay {
                    return Err(Breach::protocol("DRAIN from an agent"));
                }
                self.draining = true;
                self.actions.push_back(Action::Draining { grace: Duration::from_millis(u64::from(grace_ms)) });
                Ok(())
            }
            Frame::Ping(nonce) => {
                self.frames.push_back((None, Frame::Pong(nonce)));
                Ok(())
            }
            Frame::Pong(nonce) => {
                self.pong(now, nonce);
                Ok(())
            }
            Frame::Ignored { .. } | Frame::Hello(_) => Ok(()),
            // DATA takes the other way in.
            Frame::Data { stream, payload } => self.data(now, stream, payload.len() as u64).map(drop),
        }
    }

    fn on_connect(&mut self, now: Instant, id: u32, name: &[u8]) -> Result<(), Breach> {
        if self.terms.role == Role::Agent {
            return self.tolerated("CONNECT from a relay");
        }
        if self.terms.strict && id <= self.last_id {
            return Err(Breach::protocol(format!("CONNECT {id} is not above {}", self.last_id)));
        }
        if self.ids.contains_key(&id) {
            return Err(Breach::protocol(format!("CONNECT {id} twice")));
        }
        self.last_id = self.last_id.max(id);
        let refusal = if self.draining {
            Refusal::new(TunnelCode::Draining, "the relay is about to stop")
        } else if !self.has_room(self.rules.hello.max_streams) {
            Refusal::new(TunnelCode::Busy, format!("{} streams are open", self.rules.hello.max_streams))
        } else {
            match AppName::from_wire(name) {
                Ok(app) => {
                    let windows = (self.rules.hello.window, self.peer.map_or(0, |hello| hello.window));
                    self.insert(Stream::new(id, app, true, now, &self.terms, windows));
                    self.openings.push_back((later(now, self.rules.open_limit), id));
                    self.waiting.push_back(id);
                    self.dial_next(now);
                    self.note_idle(now);
                    return Ok(());
                }
                Err(fault) => Refusal::new(TunnelCode::BadName, format!("the app's name {fault}")),
            }
        };
        let (code, text) = (refusal.code, refusal.message.clone());
        self.frames.push_back((None, Frame::Error { stream: id, code: Some(code), text }));
        self.actions.push_back(Action::Refused { stream: id, refusal });
        Ok(())
    }

    fn on_connected(&mut self, now: Instant, id: u32) -> Result<(), Breach> {
        if self.terms.role == Role::Relay {
            return self.tolerated("CONNECTED from an agent");
        }
        let Some(slot) = self.find(id)? else {
            if !self.terms.strict {
                // The relay came too late: it must not keep the stream.
                self.frames.push_back((None, Frame::Close { stream: id, code: None, text: String::new() }));
            }
            return Ok(());
        };
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if stream.is_open() {
            return self.tolerated("CONNECTED twice");
        }
        stream.opened(now, true);
        self.actions.push_back(Action::Opened { slot });
        Ok(())
    }

    fn tolerated(&self, what: &str) -> Result<(), Breach> {
        if self.terms.strict { Err(Breach::protocol(what)) } else { Ok(()) }
    }

    fn on_close(&mut self, now: Instant, id: u32, code: Option<TunnelCode>, text: String) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let opening = self.live(slot).is_some_and(|stream| !stream.is_open());
        let ending = match code {
            None if !opening => Ending::Completed,
            code => Ending::Cut { by: Party::Remote, code: code.unwrap_or(TunnelCode::Stopped), message: text },
        };
        #[cfg(test)]
        let ending = self.perhaps_completed(ending);
        self.end(now, slot, ending);
        Ok(())
    }

    fn on_error(&mut self, now: Instant, id: u32, code: Option<TunnelCode>, text: String) -> Result<(), Breach> {
        if self.terms.role == Role::Relay {
            return self.tolerated("ERROR from an agent");
        }
        let Some(slot) = self.find(id)? else { return Ok(()) };
        if self.terms.strict && self.live(slot).is_some_and(|stream| stream.is_open()) {
            return Err(Breach::protocol("ERROR after CONNECTED"));
        }
        let code = code.unwrap_or(TunnelCode::RefusedUpstream);
        self.end(now, slot, Ending::Cut { by: Party::Remote, code, message: text });
        Ok(())
    }

    fn on_credit(&mut self, id: u32, bytes: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let too_early = self.comes_before_connected();
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if too_early && !stream.is_open() {
            return Err(Breach::protocol("CREDIT before CONNECTED"));
        }
        let waited = stream.credited(bytes).map_err(Breach::protocol)?;
        self.blocked -= usize::from(waited);
        Ok(())
    }

    fn on_fin(&mut self, now: Instant, id: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let too_early = self.comes_before_connected();
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if too_early && !stream.is_open() {
            return Err(Breach::protocol("FIN before CONNECTED"));
        }
        let left = stream.peer_finished(now).map_err(Breach::protocol)?;
        #[cfg(test)]
        let left = self.perhaps_half(left);
        match left {
            Left::Nothing => self.end(now, slot, Ending::Completed),
            Left::Half => self.actions.push_back(Action::Finish { slot }),
            Left::OneWay => {
                self.actions.push_back(Action::Finish { slot });
                self.scan_by(later(now, ONE_WAY_LIMIT));
            }
        }
        Ok(())
    }
}
