//! From the local sockets to the WebSocket, and the end of local sockets.

use std::io::IoSliceMut;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;

use super::socket::{Local, Settling};
use super::{Driver, Fault, Host, SLOTS};
use crate::refusal::TunnelCode;
use crate::tunnel::mux::Slot;

/// Reads up to this size go into the urgent lane; a socket that fills it takes turns in the arena.
const SMALL: usize = 4096;

/// How long a local side may take to end after its stream ended (version 1), and how much it may still send. Beyond
/// that it is work that nobody asked for, at the cost of the others.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 256 * 1024;

/// Bytes handed at once to a consumer that is slow already: it takes them in small steps, and each is a sign of life.
const STEP: usize = 16 * 1024;

/// Urgent bytes beyond which even small reads wait for the arena, or what is made ready at once if that is more.
const URGENT_DATA: usize = 16 * 1024;

impl Driver {
    /// Looks at the sockets whose wakers rang or whose stream changed.
    pub(super) fn poll_sockets(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        let mut moved = false;
        // Those that are scheduled meanwhile wait for the next round.
        for _ in 0..self.work.len() {
            let Some(slot) = self.work.pop_front() else { break };
            self.sockets[slot].in_work = false;
            moved |= self.poll_dial(slot, host);
            moved |= self.poll_queue(slot);
            moved |= self.poll_end(slot);
            // CONNECT and CONNECTED go out before the first byte of their stream.
            self.drain_mux(host)?;
            moved |= self.poll_small(slot)?;
        }
        self.drain_mux(host)?;
        Ok(moved)
    }

    fn poll_dial(&mut self, slot: Slot, host: &mut dyn Host) -> bool {
        let Local::Dialling(future) = &mut self.sockets[slot].local else { return false };
        let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
        let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) else { return false };
        match outcome {
            Ok(upstream) => {
                self.install(slot, upstream);
                let half_close = self.sockets[slot].local.half_close();
                self.mux.dialled(self.now, slot, Ok(half_close));
                if let (Some(id), Some(app)) = (self.mux.id(slot), self.mux.app(slot)) {
                    host.opened(id, &app);
                }
            }
            Err(refusal) => {
                self.sockets[slot].local = Local::Vacant;
                self.mux.dialled(self.now, slot, Err(refusal));
            }
        }
        true
    }

    /// Writes what is queued.
    fn poll_queue(&mut self, slot: Slot) -> bool {
        let mut moved = false;
        let braked = self.mux.terms().brake.is_some();
        loop {
            let socket = &mut self.sockets[slot];
            if socket.queue.is_empty() || !socket.writable || !socket.local.is_connected() {
                break;
            }
            let (front, _) = socket.queue.as_slices();
            let front = if braked { &front[..front.len().min(STEP)] } else { front };
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            match socket.local.poll_write(&mut cx, front) {
                Poll::Ready(Ok(n)) => {
                    moved = true;
                    self.load += n;
                    socket.dequeue(n);
                    socket.untouched = false;
                    socket.unflushed = true;
                    socket.progress = (!socket.queue.is_empty()).then_some(self.now);
                    self.counters.unqueued(n as u64);
                    self.mux.written(self.now, slot, n as u64);
                }
                Poll::Ready(Err(error)) => {
                    self.local_failed(slot, &error);
                    return true;
                }
                Poll::Pending => socket.writable = false,
            }
        }
        self.release_hold(slot) || moved
    }

    pub(super) fn local_failed(&mut self, slot: Slot, error: &std::io::Error) {
        if self.mux.id(slot).is_some() {
            let (code, text) = match self.sockets[slot].local.refusal(error) {
                Some(refusal) => (refusal.code, refusal.message),
                None => (TunnelCode::PeerReset, error.kind().to_string()),
            };
            self.mux.cut(self.now, slot, code, &text);
        } else if self.sockets[slot].settling != Settling::No {
            self.vacate(slot, true);
        }
    }

    /// Shuts down and closes what is written out.
    fn poll_end(&mut self, slot: Slot) -> bool {
        let halves = self.mux.terms().halves;
        let socket = &mut self.sockets[slot];
        if socket.settling != Settling::No && !socket.local.is_connected() {
            self.vacate(slot, true);
            return true;
        }
        if !socket.queue.is_empty() || !socket.local.is_connected() {
            return false;
        }
        let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
        if socket.unflushed {
            match socket.local.poll_flush(&mut cx) {
                Poll::Ready(Ok(())) => socket.unflushed = false,
                Poll::Ready(Err(error)) => {
                    self.local_failed(slot, &error);
                    return true;
                }
                Poll::Pending => return false,
            }
        }
        // Closing a TCP socket that was read to its end says the same as shutting it down before.
        let closes = halves && socket.eof && matches!(socket.local, Local::Tcp(_));
        let shut = if socket.settling == Settling::No { socket.finish && socket.local.half_close() } else { !closes };
        if shut && !socket.finished {
            match socket.local.poll_shutdown(&mut cx) {
                // A peer that is gone already has seen its end.
                Poll::Ready(_) => socket.finished = true,
                Poll::Pending => return false,
            }
        }
        match socket.settling {
            Settling::No => false,
            Settling::Writing if socket.eof || halves || !socket.local.half_close() => {
                self.vacate(slot, false);
                true
            }
            Settling::Writing => {
                let until = self.now + LINGER;
                socket.settling = Settling::Lingering { until, left: LINGER_BYTES };
                socket.readable = true;
                self.linger = Some(self.linger.map_or(until, |linger| linger.min(until)));
                self.poll_lingering(slot)
            }
            Settling::Lingering { .. } => self.poll_lingering(slot),
        }
    }

    /// Reads and drops what still comes.
    fn poll_lingering(&mut self, slot: Slot) -> bool {
        let mut scratch = [0; SMALL];
        for _ in 0..4 {
            let mut buffer = ReadBuf::new(&mut scratch);
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            match self.sockets[slot].local.poll_read(&mut cx, &mut buffer) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let n = buffer.filled().len();
                    self.load += n;
                    let Settling::Lingering { left, .. } = &mut self.sockets[slot].settling else { return true };
                    *left = left.saturating_sub(n);
                    if *left == 0 {
                        self.vacate(slot, true);
                        return true;
                    }
                }
                Poll::Ready(_) => {
                    self.vacate(slot, false);
                    return true;
                }
            }
        }
        self.schedule(slot);
        true
    }

    pub(super) fn end_lingering(&mut self) {
        if self.linger.is_none_or(|linger| linger > self.now) {
            return;
        }
        self.linger = None;
        for slot in 0..self.sockets.len() {
            if let Settling::Lingering { until, .. } = self.sockets[slot].settling {
                if until <= self.now {
                    self.vacate(slot, false);
                } else {
                    self.linger = Some(self.linger.map_or(until, |linger| linger.min(until)));
                }
            }
        }
    }

    /// Reads a little, for the urgent lane; a socket with more to say goes to the ring.
    fn poll_small(&mut self, slot: Slot) -> Result<bool, Fault> {
        let mut moved = false;
        for _ in 0..4 {
            let socket = &mut self.sockets[slot];
            if !socket.readable || self.turns.waits(slot) || socket.eof || !socket.local.is_connected() {
                break;
            }
            let Some(id) = self.mux.id(slot) else { break };
            let may = self.mux.sendable(slot);
            if may == 0 {
                self.starve(slot);
                break;
            }
            let batch = self.prompt.bound(self.now, self.pace.batch());
            let crowded = self.outbox.urgent_pending() > batch.max(URGENT_DATA);
            let behind = crowded || self.outbox.holds(socket.epoch);
            if socket.bulk || behind || !self.turns.may_overtake(slot, batch) {
                self.turns.wait(slot);
                break;
            }
            let most = usize::try_from(may).unwrap_or(SMALL).min(SMALL).min(self.mux.max_data());
            let mut scratch = [0; SMALL];
            let mut buffer = ReadBuf::new(&mut scratch[..most]);
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            match socket.local.poll_read(&mut cx, &mut buffer) {
                Poll::Pending => socket.readable = false,
                Poll::Ready(Ok(())) => {
                    moved = true;
                    let bytes = buffer.filled();
                    socket.untouched = false;
                    if bytes.is_empty() {
                        socket.eof = true;
                        self.mux.local_eof(self.now, slot);
                    } else {
                        self.load += bytes.len();
                        self.turns.overtook(slot, bytes.len());
                        socket.bulk = bytes.len() == SMALL;
                        socket.short = if socket.bulk { 0 } else { socket.short.saturating_add(1) };
                        self.prompt.spoke(self.now, socket.short, self.mux.round_trip());
                        self.outbox.urge_data(id, bytes)?;
                        self.mux.sent(self.now, slot, bytes.len() as u64);
                        self.counters.sent(bytes.len() as u64);
                    }
                }
                Poll::Ready(Err(error)) => {
                    self.local_failed(slot, &error);
                    return Ok(true);
                }
            }
        }
        Ok(moved)
    }

    /// Its bytes wait for credit.
    fn starve(&mut self, slot: Slot) {
        self.mux.starved(slot);
        self.smooth.starved(self.now);
    }

    /// Reads of the sockets that take turns, straight into the arena.
    pub(super) fn fill(&mut self) -> Result<bool, Fault> {
        let mut moved = false;
        let batch = self.prompt.bound(self.now, self.pace.batch());
        self.outbox.batch(batch);
        self.held = None;
        while self.outbox.wants_more() {
            let Some(slot) = self.turns.next(batch) else { break };
            let socket = &mut self.sockets[slot];
            let Some(id) = self.mux.id(slot).filter(|_| socket.local.is_connected() && !socket.eof) else {
                self.turns.leave(slot);
                continue;
            };
            let may = self.mux.sendable(slot);
            if may == 0 {
                self.starve(slot);
                self.turns.leave(slot);
                continue;
            }
            self.held = self.smooth.holds(self.now, batch, self.mux.round_trip());
            if self.held.is_some() {
                break;
            }
            let most = usize::try_from(may).unwrap_or(usize::MAX).min(batch);
            let mut cx = Context::from_waker(self.ready.waker(SLOTS + slot));
            let read = |payloads: &mut [IoSliceMut<'_>]| socket.local.poll_read_vectored(&mut cx, payloads);
            match self.outbox.read_frames(id, most, self.mux.max_data(), read) {
                Poll::Pending => {
                    socket.readable = false;
                    self.turns.leave(slot);
                }
                Poll::Ready(outcome) => match outcome? {
                    Ok(0) => {
                        moved = true;
                        socket.eof = true;
                        self.turns.leave(slot);
                        self.mux.local_eof(self.now, slot);
                    }
                    Ok(n) => {
                        moved = true;
                        self.load += n;
                        socket.untouched = false;
                        // One that was read empty goes on with as much: a small read first would be a frame for nothing.
                        socket.bulk = n >= SMALL;
                        if socket.bulk {
                            socket.short = 0;
                        }
                        socket.epoch = self.outbox.epoch();
                        self.turns.took(slot, n);
                        self.smooth.sent(n);
                        self.mux.sent(self.now, slot, n as u64);
                        self.counters.sent(n as u64);
                    }
                    Err(error) => {
                        moved = true;
                        self.turns.leave(slot);
                        self.local_failed(slot, &error);
                    }
                },
            }
        }
        Ok(moved)
    }
}
