//! From the WebSocket to the local sockets.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::closing::State;
use super::pieces::Pieces;
use super::{Driver, Fault, Host, WS_READ};
use crate::refusal::TunnelCode;
use crate::tunnel::codec::decode::Event;
use crate::tunnel::codec::frame::Frame;
use crate::tunnel::codec::{self, Breach};
use crate::tunnel::mux::Slot;

/// Reads of the WebSocket before the local sockets get their turn.
const READS: usize = 2;

impl Driver {
    pub(super) fn poll_inbound(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        let mut moved = false;
        for _ in 0..READS {
            moved |= self.decode(host)?;
            if !self.readable || self.is_held_back() {
                break;
            }
            if self.prompt.is_there(self.now) {
                self.decoder.rest();
            }
            let mut cx = Context::from_waker(self.ready.waker(WS_READ));
            let mut buffer = ReadBuf::new(self.decoder.room());
            match Pin::new(&mut self.io).poll_read(&mut cx, &mut buffer) {
                Poll::Pending => self.readable = false,
                Poll::Ready(Ok(())) => {
                    let n = buffer.filled().len();
                    if n == 0 {
                        self.readable = false;
                        self.hung_up("the peer ended the connection without a websocket close");
                        return Ok(true);
                    }
                    self.decoder.filled(n);
                    self.load += n;
                    self.mux.heard(self.now);
                    moved = true;
                }
                Poll::Ready(Err(error)) => return Err(Fault::Io(error)),
            }
        }
        Ok(moved)
    }

    /// What was read and not decoded yet. Pieces in a row for one consumer are handed to it together.
    fn decode(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        let mut moved = false;
        let mut pieces = Pieces::default();
        while !self.is_held_back() {
            let event = match self.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(fault) => {
                    self.deliver(&mut pieces);
                    return Err(fault);
                }
            };
            moved = true;
            match event {
                Event::Data { stream, range } if matches!(self.state, State::Running) => {
                    let slot = match self.mux.data(self.now, stream, range.len() as u64) {
                        Ok(slot) => slot,
                        Err(breach) => {
                            self.deliver(&mut pieces);
                            return Err(breach.into());
                        }
                    };
                    let Some(slot) = slot else { continue };
                    self.counters.received(range.len() as u64);
                    if !pieces.take(slot, &range) {
                        self.deliver(&mut pieces);
                        pieces.take(slot, &range);
                    }
                    // Each may be the one that makes the brake of version 1 hold.
                    if self.mux.terms().brake.is_some() {
                        self.deliver(&mut pieces);
                    }
                }
                event => {
                    self.deliver(&mut pieces);
                    self.on_event(event, host)?;
                }
            }
        }
        self.deliver(&mut pieces);
        Ok(moved)
    }

    fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        match (self.decoder.next(), &self.state) {
            (Ok(event), _) => Ok(event),
            (Err(breach), State::Running) => Err(breach.into()),
            // Closing already. The rest is read and dropped: a socket closed with unread bytes would reset the
            // connection before the peer has read why it was closed.
            (Err(_), _) => {
                self.decoder.skip();
                Ok(None)
            }
        }
    }

    fn on_event(&mut self, event: Event, host: &mut dyn Host) -> Result<(), Fault> {
        if let Event::Close { code, reason } = event {
            self.peer_closed(code, &reason)?;
            return self.drain_mux(host);
        }
        if !matches!(self.state, State::Running) {
            return Ok(());
        }
        let strict = self.mux.terms().strict;
        match event {
            Event::EmptyData { stream } => {
                if strict {
                    return Err(Breach::protocol("DATA without payload").into());
                }
                self.mux.data(self.now, stream, 0)?;
            }
            Event::Text => {
                if strict {
                    return Err(Breach::protocol("text message").into());
                }
            }
            Event::Ping(payload) => {
                self.count_pong()?;
                self.outbox.urge(codec::PONG, &payload)?;
            }
            Event::Pong(payload) => {
                if let Ok(nonce) = payload.as_slice().try_into().map(u64::from_be_bytes)
                    && let Some(trip) = self.mux.pong(self.now, nonce)
                {
                    self.counters.round_trip(trip);
                }
            }
            Event::Frame { command, stream } => self.on_frame(command, stream)?,
            // Seen to before.
            Event::Close { .. } | Event::Data { .. } => {}
        }
        self.drain_mux(host)
    }

    fn on_frame(&mut self, command: u8, stream: u32) -> Result<(), Fault> {
        let frame = Frame::from_parts(self.mux.version(), command, stream, self.decoder.kept())
            .map_err(|fault| Breach::protocol(fault.to_string()))?;
        match frame {
            Frame::Pong(nonce) => {
                if let Some(trip) = self.mux.pong(self.now, nonce) {
                    self.counters.round_trip(trip);
                }
            }
            Frame::Credit { stream, bytes } => {
                self.mux.frame(self.now, frame)?;
                self.smooth.credited(self.now, bytes, self.mux.round_trip());
                if let Some(slot) = self.mux.slot(stream) {
                    self.schedule(slot);
                }
            }
            Frame::Hello(_) => {
                self.mux.frame(self.now, frame)?;
                self.host_ready = true;
            }
            Frame::Connect { .. } => {
                let before = self.mux.streams();
                self.mux.frame(self.now, frame)?;
                if self.mux.streams() > before {
                    self.counters.stream_opened();
                    self.tell_granted();
                }
            }
            frame => self.mux.frame(self.now, frame)?,
        }
        Ok(())
    }

    /// Version 1: the queue of a stream got shorter.
    pub(super) fn release_hold(&mut self, slot: Slot) -> bool {
        let full = self.mux.terms().brake.map_or(0, |brake| brake.full);
        if self.full == Some(slot) && self.sockets[slot].queue.len() <= full {
            self.full = None;
            return true;
        }
        false
    }

    /// Version 1: when the stream that holds back all others is given up, if its consumer takes nothing.
    pub(super) fn stalled_at(&self) -> Option<Instant> {
        let (slot, brake) = (self.full?, self.mux.terms().brake?);
        let others = self.mux.streams() > usize::from(self.mux.id(slot).is_some());
        let limit = if others { brake.stall } else { brake.stall_alone };
        Some(later(self.sockets[slot].progress?, limit))
    }

    /// Version 1: cuts the stream that holds back all others, if its consumer takes nothing.
    pub(super) fn cut_stalled(&mut self) {
        let Some(slot) = self.full.filter(|_| self.stalled_at().is_some_and(|at| at <= self.now)) else { return };
        if self.mux.id(slot).is_some() {
            let silent = self.sockets[slot].progress.map_or(Duration::ZERO, |since| self.now.duration_since(since));
            let words = format!("the consumer took no byte for {} s", silent.as_secs());
            self.mux.cut(self.now, slot, TunnelCode::Stalled, &words);
        } else {
            self.vacate(slot, true);
        }
        self.full = None;
        self.mux.heard(self.now);
    }
}
