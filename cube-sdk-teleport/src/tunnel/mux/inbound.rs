//! What the peer sends.

use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::time::Instant;

use super::stream::{Phase, Stream};
use super::{Action, Mux, ONE_WAY_LIMIT, Role, Slot};
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::codec::Breach;
use crate::tunnel::codec::frame::{Frame, Version};
use crate::tunnel::report::{Ending, Party};

/// Credit that may be outstanding per stream.
const CREDIT_LIMIT: u64 = (1 << 31) - 1;

impl Mux {
    /// A piece of DATA came in: where it goes, or none when it is to be dropped.
    pub(crate) fn data(&mut self, now: Instant, id: u32, bytes: u64) -> Result<Option<Slot>, Breach> {
        if self.version == Version::V2 && self.peer.is_none() {
            return Err(Breach::protocol("first frame is not HELLO"));
        }
        let Some(slot) = self.find(id)? else { return Ok(None) };
        let (role, version) = (self.role, self.version);
        let Some(stream) = self.live(slot) else { return Ok(None) };
        if version == Version::V2 {
            if role == Role::Agent && stream.phase != Phase::Open {
                return Err(Breach::protocol("DATA before CONNECTED"));
            }
            if stream.fin_received {
                return Err(Breach::protocol("DATA after FIN"));
            }
            if stream.receiver.as_mut().is_some_and(|receiver| !receiver.received(now, bytes)) {
                return Err(Breach::protocol("DATA beyond the credit"));
            }
        }
        stream.received += bytes;
        stream.touched = now;
        Ok(Some(slot))
    }

    /// The stream of an id; none when it is over. Version 2 knows no id that was never opened.
    fn find(&self, id: u32) -> Result<Option<Slot>, Breach> {
        match self.ids.get(&id) {
            Some(slot) => Ok(Some(*slot)),
            None if self.version == Version::V1 || (id != 0 && id <= self.last_id) => Ok(None),
            None => Err(Breach::protocol(format!("frame for stream {id}, which was never opened"))),
        }
    }

    /// A frame other than DATA came in.
    pub(crate) fn frame(&mut self, now: Instant, frame: Frame) -> Result<(), Breach> {
        if self.version == Version::V2 {
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
                if self.role == Role::Relay {
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
        if self.role == Role::Agent {
            return match self.version {
                Version::V1 => Ok(()),
                Version::V2 => Err(Breach::protocol("CONNECT from a relay")),
            };
        }
        match self.version {
            Version::V2 if id <= self.last_id => {
                return Err(Breach::protocol(format!("CONNECT {id} is not above {}", self.last_id)));
            }
            Version::V1 if self.ids.contains_key(&id) => {
                return Err(Breach::protocol(format!("CONNECT {id} twice")));
            }
            _ => {}
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
                    self.insert(Stream::new(id, app, Phase::Queued, now, self.version, windows));
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
        if self.role == Role::Relay {
            return self.v1_tolerates("CONNECTED from an agent");
        }
        let Some(slot) = self.find(id)? else {
            if self.version == Version::V1 {
                // The relay came too late: it must not keep the stream.
                self.frames.push_back((None, Frame::Close { stream: id, code: None, text: String::new() }));
            }
            return Ok(());
        };
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if stream.phase == Phase::Open {
            return self.v1_tolerates("CONNECTED twice");
        }
        stream.phase = Phase::Open;
        stream.touched = now;
        self.actions.push_back(Action::Opened { slot });
        Ok(())
    }

    fn v1_tolerates(&self, what: &str) -> Result<(), Breach> {
        match self.version {
            Version::V1 => Ok(()),
            Version::V2 => Err(Breach::protocol(what)),
        }
    }

    fn on_close(&mut self, now: Instant, id: u32, code: Option<TunnelCode>, text: String) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let opening = self.live(slot).is_some_and(|stream| stream.phase != Phase::Open);
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
        if self.role == Role::Relay {
            return self.v1_tolerates("ERROR from an agent");
        }
        let Some(slot) = self.find(id)? else { return Ok(()) };
        if self.version == Version::V2 && self.live(slot).is_some_and(|stream| stream.phase == Phase::Open) {
            return Err(Breach::protocol("ERROR after CONNECTED"));
        }
        let code = code.unwrap_or(TunnelCode::RefusedUpstream);
        self.end(now, slot, Ending::Cut { by: Party::Remote, code, message: text });
        Ok(())
    }

    fn on_credit(&mut self, id: u32, bytes: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let role = self.role;
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if role == Role::Agent && stream.phase != Phase::Open {
            return Err(Breach::protocol("CREDIT before CONNECTED"));
        }
        stream.credit += u64::from(bytes);
        if stream.credit > CREDIT_LIMIT {
            return Err(Breach::protocol("more than 2^31 - 1 bytes of credit"));
        }
        if std::mem::take(&mut stream.blocked) {
            self.blocked -= 1;
        }
        Ok(())
    }

    fn on_fin(&mut self, now: Instant, id: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let role = self.role;
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if role == Role::Agent && stream.phase != Phase::Open {
            return Err(Breach::protocol("FIN before CONNECTED"));
        }
        if stream.fin_received {
            return Err(Breach::protocol("FIN twice"));
        }
        stream.fin_received = true;
        stream.touched = now;
        let (both, one_way) = (stream.fin_sent, stream.is_one_way());
        #[cfg(test)]
        let both = self.perhaps_half(both);
        if both {
            self.end(now, slot, Ending::Completed);
        } else {
            self.actions.push_back(Action::Finish { slot });
            if one_way {
                self.scan_by(now + ONE_WAY_LIMIT);
            }
        }
        Ok(())
    }
}
