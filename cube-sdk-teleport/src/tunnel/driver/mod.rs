//! Moves the bytes of one connection: one task, no lock, no channel.
//!
//! The driver owns the WebSocket's transport and every local socket. Each socket has a waker that sets its bit in a
//! [`ReadySet`]; a poll looks at the sockets whose bits are set, and at nothing else.

mod closing;
mod inbound;
mod local;
mod socket;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::app_name::AppName;
use super::code::{Refusal, TunnelCode};
use super::counters::Counters;
use super::frame::{self, Frame, Version};
use super::mux::{Action, Mux, Role, Rules, Slot};
use super::outbox::{Outbox, URGENT_LIMIT};
use super::ready::ReadySet;
use super::stream::{Party, StreamReport};
use super::websocket::decode::Decoder;
use super::websocket::{self, BINARY, Breach, Side};
use crate::dial::{Duplex, Upstream};

pub use closing::ConnectionEnd;
use closing::State;
pub(crate) use socket::{DialFuture, reset};
use socket::{Local, Settling, Socket};

/// Bits before those of the slots.
const WS_READ: usize = 0;
const WS_WRITE: usize = 1;
const HOST: usize = 2;
const SLOTS: usize = 3;

/// Rounds before other tasks get their turn.
const ROUNDS: usize = 32;

/// What the driver needs from the end that it serves.
pub(crate) trait Host: Send {
    /// Agent: the next local connection.
    fn poll_accept(&mut self, _cx: &mut Context<'_>) -> Poll<TcpStream> {
        Poll::Pending
    }

    /// Agent: the app that local connections are for.
    fn app(&self) -> Option<&AppName> {
        None
    }

    /// Relay: authorises and dials.
    fn dial(&mut self, app: AppName, deadline: Instant) -> Option<DialFuture>;

    /// A stream was opened (agent: CONNECTED came; relay: it was dialled).
    fn opened(&mut self, _stream: u32, _app: &AppName) {}

    /// A stream ended.
    fn ended(&mut self, report: StreamReport);

    /// Relay: a CONNECT was refused before it got a stream.
    fn refused_stream(&mut self, _stream: u32, _refusal: Refusal) {}

    /// Agent: a local connection was refused before it got a stream.
    fn refused(&mut self, _code: TunnelCode) {}

    /// Agent: the peer opened a first stream or refused one by name: it speaks the protocol.
    fn proved(&mut self) {}
}

/// The driver of one connection.
pub(crate) struct Driver {
    io: Box<dyn Duplex>,
    role: Role,
    mux: Mux,
    decoder: Decoder,
    outbox: Outbox,
    ready: ReadySet,
    sockets: Vec<Socket>,
    work: VecDeque<Slot>,
    ring: VecDeque<Slot>,
    readable: bool,
    writable: bool,
    host_ready: bool,
    state: State,
    /// Version 1: the stream whose full queue holds back the WebSocket.
    full: Option<Slot>,
    pongs: usize,
    message: Vec<u8>,
    now: Instant,
    sleep: Pin<Box<Sleep>>,
    armed: Instant,
    linger: Option<Instant>,
    stopping: Option<Stopping>,
    counters: Arc<Counters>,
    /// What the counters know of the windows.
    granted: u64,
    unread: Vec<TcpStream>,
}

/// A stop that waits for open streams.
#[derive(Clone, Debug)]
struct Stopping {
    deadline: Instant,
    code: TunnelCode,
    websocket: u16,
    text: String,
}

/// Why a poll of the driver cannot go on.
enum Fault {
    Breach(Breach),
    Io(io::Error),
    Local(Error),
}

impl From<Breach> for Fault {
    fn from(breach: Breach) -> Self {
        Self::Breach(breach)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Local(error)
    }
}

impl Driver {
    /// A driver over an upgraded connection. It does nothing until polled.
    pub(crate) fn new(
        io: Box<dyn Duplex>,
        role: Role,
        version: Version,
        rules: Rules,
        counters: Arc<Counters>,
    ) -> Self {
        let now = Instant::now();
        let side = if role == Role::Agent { Side::Client } else { Side::Server };
        let max_message = match version {
            Version::V1 => frame::V1_MAX_MESSAGE,
            Version::V2 => (rules.hello.max_data as usize + frame::HEADER).max(4096),
        };
        Self {
            io,
            role,
            mux: Mux::new(role, version, rules, now),
            decoder: Decoder::new(side, max_message),
            outbox: Outbox::new(side),
            ready: ReadySet::new(Mux::slots_for(&rules) + SLOTS),
            sockets: Vec::new(),
            work: VecDeque::new(),
            ring: VecDeque::new(),
            readable: true,
            writable: true,
            host_ready: true,
            state: State::Running,
            full: None,
            pongs: 0,
            message: Vec::new(),
            now,
            sleep: Box::pin(tokio::time::sleep_until(now)),
            armed: now,
            linger: None,
            stopping: None,
            counters,
            granted: 0,
            unread: Vec::new(),
        }
    }

    /// Puts in bytes that were read with the handshake. False when they are too many.
    pub(crate) fn preload(&mut self, bytes: &[u8]) -> bool {
        let room = self.decoder.room();
        let Some(front) = room.get_mut(..bytes.len()) else { return false };
        front.copy_from_slice(bytes);
        self.decoder.filled(bytes.len());
        true
    }

    /// Another host serves it from now on, whose wakers are not set yet.
    pub(crate) fn change_host(&mut self) {
        self.host_ready = true;
    }

    /// Has the peer said that it will stop?
    pub(crate) fn is_draining(&self) -> bool {
        self.mux.is_draining()
    }

    /// May streams be opened?
    pub(crate) fn is_ready(&self) -> bool {
        self.mux.is_ready() && self.is_open()
    }

    /// Drives the connection until it is over.
    pub(crate) async fn run(&mut self, host: &mut dyn Host) -> ConnectionEnd {
        std::future::poll_fn(|cx| self.poll(cx, host)).await
    }

    /// Gives the end once the connection is over and every local socket is closed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, host: &mut dyn Host) -> Poll<ConnectionEnd> {
        self.ready.register(cx.waker());
        for _ in 0..ROUNDS {
            self.now = Instant::now();
            self.collect_ready();
            let moved = match self.round(host) {
                Ok(moved) => moved,
                Err(fault) => {
                    self.fail(fault);
                    self.apply_actions(host);
                    true
                }
            };
            if let State::Over(end) = &self.state {
                return Poll::Ready(end.clone());
            }
            if !moved && !self.poll_timer(cx, host) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn collect_ready(&mut self) {
        let (work, sockets) = (&mut self.work, &mut self.sockets);
        let (readable, writable, host_ready) = (&mut self.readable, &mut self.writable, &mut self.host_ready);
        self.ready.take(|bit| match bit {
            WS_READ => *readable = true,
            WS_WRITE => *writable = true,
            HOST => *host_ready = true,
            bit => {
                let slot = bit - SLOTS;
                if let Some(socket) = sockets.get_mut(slot) {
                    socket.readable = true;
                    socket.writable = true;
                    if !std::mem::replace(&mut socket.in_work, true) {
                        work.push_back(slot);
                    }
                }
            }
        });
    }

    fn round(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        let mut moved = self.poll_inbound(host)?;
        moved |= self.poll_accept(host);
        self.encode_frames()?;
        moved |= self.poll_sockets(host)?;
        self.apply_actions(host);
        self.encode_frames()?;
        moved |= self.fill()?;
        self.apply_actions(host);
        self.encode_frames()?;
        // Before the credit goes out that makes use of it.
        self.tell_granted();
        moved |= self.poll_outbound()?;
        self.poll_stopping(host)?;
        Ok(moved)
    }

    /// Agent: takes local connections while streams can be opened.
    fn poll_accept(&mut self, host: &mut dyn Host) -> bool {
        if self.role == Role::Relay || !self.host_ready || !self.mux.is_ready() || !self.is_open() {
            return false;
        }
        let mut moved = false;
        // A burst of connections must not starve those that are open.
        for _ in 0..32 {
            let mut cx = Context::from_waker(self.ready.waker(HOST));
            let Poll::Ready(stream) = host.poll_accept(&mut cx) else {
                self.host_ready = false;
                break;
            };
            moved = true;
            let Some(app) = host.app() else { break };
            match self.mux.open(self.now, app) {
                Ok(slot) => {
                    self.counters.stream_opened();
                    self.tell_granted();
                    *self.socket(slot) = Socket::connected(Local::Tcp(stream));
                    self.schedule(slot);
                }
                Err(code) => {
                    reset(&stream);
                    host.refused(code);
                }
            }
        }
        moved
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Running) && self.stopping.is_none()
    }

    fn socket(&mut self, slot: Slot) -> &mut Socket {
        if self.sockets.len() <= slot {
            self.sockets.resize_with(slot + 1, Socket::default);
        }
        &mut self.sockets[slot]
    }

    fn schedule(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.socket(slot).in_work, true) {
            self.work.push_back(slot);
        }
    }

    fn apply_actions(&mut self, host: &mut dyn Host) {
        while let Some(action) = self.mux.next_action() {
            match action {
                Action::Dial { slot, app, deadline } => match host.dial(app, deadline) {
                    Some(future) => {
                        let socket = self.socket(slot);
                        socket.local = Local::Dialling(future);
                        self.schedule(slot);
                    }
                    None => self.mux.dial_dropped(self.now),
                },
                Action::Opened { slot } => {
                    host.proved();
                    if let (Some(id), Some(app)) = (self.mux.id(slot), host.app().cloned()) {
                        host.opened(id, &app);
                    }
                    self.socket(slot).untouched = false;
                    self.schedule(slot);
                }
                Action::Finish { slot } => {
                    self.socket(slot).finish = true;
                    self.schedule(slot);
                }
                Action::Settle { slot } => {
                    self.socket(slot).settling = Settling::Writing;
                    self.schedule(slot);
                }
                Action::Reset { slot } => self.vacate(slot, true),
                Action::Ended(report) => {
                    self.counters.stream_ended();
                    if matches!(report.ending, super::stream::Ending::Cut { by: Party::Remote, .. }) {
                        host.proved();
                    }
                    host.ended(report);
                }
                Action::Refused { stream, refusal } => host.refused_stream(stream, refusal),
                Action::Draining { grace } => {
                    let text = "the relay is about to stop".to_owned();
                    self.stop_by(self.now + grace + Duration::from_secs(1), TunnelCode::Draining, 1000, text);
                }
            }
        }
    }

    /// Frees a slot; `cut` makes the local side see a reset.
    fn vacate(&mut self, slot: Slot, cut: bool) {
        let Some(socket) = self.sockets.get_mut(slot) else { return self.mux.release(slot) };
        let keep_place = (socket.in_work, socket.in_ring);
        let Socket { local, queue, untouched, .. } = std::mem::take(socket);
        (socket.in_work, socket.in_ring) = keep_place;
        self.counters.unqueued(queue.len() as u64);
        if self.full == Some(slot) {
            self.full = None;
        }
        match local {
            Local::Dialling(future) => {
                drop(future);
                self.mux.dial_dropped(self.now);
            }
            Local::Tcp(stream) if cut && untouched && self.role == Role::Agent && !self.is_alive() => {
                self.unread.push(stream);
            }
            local if cut => local.reset(),
            local => drop(local),
        }
        self.mux.release(slot);
        self.tell_granted();
    }

    fn tell_granted(&mut self) {
        let now = self.mux.granted();
        if now != self.granted {
            self.counters.granted(self.granted, now);
            self.granted = now;
        }
    }

    /// Local connections whose stream was lost before anything was read from them: they can be opened again.
    pub(crate) fn take_unread(&mut self) -> Vec<TcpStream> {
        std::mem::take(&mut self.unread)
    }

    fn encode_frames(&mut self) -> Result<(), Fault> {
        let version = self.mux.version();
        while let Some((slot, frame)) = self.mux.next_frame() {
            self.message.clear();
            frame.encode(version, &mut self.message);
            // An end must not overtake the bytes before it; a cut may.
            let ordered = matches!((&frame, version), (Frame::Fin { .. }, _) | (Frame::Close { .. }, Version::V1));
            let behind =
                ordered && slot.and_then(|slot| self.sockets.get(slot)).is_some_and(|s| self.outbox.holds(s.epoch));
            if matches!(frame, Frame::Pong(_)) {
                self.count_pong()?;
            }
            if behind {
                self.outbox.append(&self.message)?;
            } else {
                self.outbox.urge(BINARY, &self.message)?;
            }
        }
        Ok(())
    }

    fn count_pong(&mut self) -> Result<(), Fault> {
        self.pongs += 1;
        if self.pongs > 64 {
            return Err(Breach { code: 1008, reason: "pings come faster than pongs go out".to_owned() }.into());
        }
        Ok(())
    }

    fn poll_outbound(&mut self) -> Result<bool, Fault> {
        if !self.writable {
            return Ok(false);
        }
        let mut cx = Context::from_waker(self.ready.waker(WS_WRITE));
        let (moved, outcome) = self.outbox.poll_write(&mut self.io, &mut cx);
        match outcome {
            Poll::Pending => self.writable = false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(Fault::Io(error)),
        }
        if self.outbox.urgent_pending() == 0 {
            self.pongs = 0;
        }
        Ok(moved)
    }

    /// Must no more be read from the WebSocket for now?
    fn is_held_back(&self) -> bool {
        self.full.is_some() || self.outbox.urgent_pending() > URGENT_LIMIT
    }

    /// Arms the timer; true when it rang and its work was done.
    fn poll_timer(&mut self, cx: &mut Context<'_>, host: &mut dyn Host) -> bool {
        let next = self.next_deadline();
        if next < self.armed || self.armed <= self.now {
            self.armed = next;
            self.sleep.as_mut().reset(next);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.now = Instant::now();
        self.armed = self.now;
        if let Err(fault) = self.on_timer() {
            self.fail(fault);
        }
        self.apply_actions(host);
        true
    }

    fn next_deadline(&self) -> Instant {
        let mut next = match &self.state {
            State::Running => self.mux.next_tick(),
            State::Closing { deadline, .. } => *deadline,
            State::Over(_) => self.now,
        };
        let stall = self.full.and_then(|slot| self.sockets[slot].progress).map(|at| at + inbound::STALL_LIMIT);
        let stopping = self.stopping.as_ref().map(|stopping| stopping.deadline);
        for deadline in [stall, stopping, self.linger].into_iter().flatten() {
            next = next.min(deadline);
        }
        next
    }

    fn on_timer(&mut self) -> Result<(), Fault> {
        if let State::Running = self.state
            && let Some(nonce) = self.mux.tick(self.now)?
        {
            self.outbox.urge(websocket::PING, &nonce.to_be_bytes())?;
        }
        self.cut_stalled();
        self.end_lingering();
        Ok(())
    }

    fn install(&mut self, slot: Slot, upstream: Upstream) {
        let socket = &mut self.sockets[slot];
        socket.local = upstream.into();
        socket.readable = true;
        socket.writable = true;
    }
}
