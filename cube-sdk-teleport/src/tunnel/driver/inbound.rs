//! From the WebSocket to the local sockets.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::closing::State;
use super::{Driver, Fault, Host, SLOTS, WS_READ};
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
            while !self.is_held_back() {
                let Some(event) = self.next_event()? else { break };
                moved = true;
                self.on_event(event, host)?;
            }
            if !self.readable || self.is_held_back() {
                break;
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
            Event::Data { stream, range } => {
                if let Some(slot) = self.mux.data(self.now, stream, range.len() as u64)? {
                    self.counters.received(range.len() as u64);
                    self.deliver(slot, range);
                }
                return Ok(());
            }
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
            Event::Close { .. } => {}
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

    /// Writes a piece straight to the consumer; what it does not take is queued.
    fn deliver(&mut self, slot: Slot, range: std::ops::Range<usize>) {
        self.socket(slot);
        let mut bytes = self.decoder.bytes(&range);
        let socket = &mut self.sockets[slot];
        if socket.queue.is_empty() && socket.writable && socket.local.is_connected() {
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            match socket.local.poll_write(&mut cx, bytes) {
                Poll::Ready(Ok(n)) => {
                    bytes = &bytes[n..];
                    socket.untouched = false;
                    socket.unflushed = true;
                    socket.progress = None;
                    self.mux.written(self.now, slot, n as u64);
                }
                Poll::Ready(Err(error)) => {
                    self.local_failed(slot, &error);
                    return;
                }
                Poll::Pending => socket.writable = false,
            }
        }
        if bytes.is_empty() {
            if !matches!(self.sockets[slot].local, super::socket::Local::Tcp(_)) {
                self.schedule(slot);
            }
            return;
        }
        let socket = &mut self.sockets[slot];
        socket.progress.get_or_insert(self.now);
        socket.queue.extend(bytes);
        self.counters.queued(bytes.len() as u64);
        if self.mux.terms().brake.is_some_and(|brake| socket.queue.len() > brake.full) {
            self.full = Some(slot);
        }
        self.schedule(slot);
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
