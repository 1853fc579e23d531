//! Moves the bytes of one connection: one task, no lock, no channel.
//!
//! The driver owns the WebSocket's transport and every local socket. Each socket has a waker that sets its bit in a
//! [`ReadySet`]; a poll looks at the sockets whose bits are set, and at nothing else.

mod actions;
mod closing;
mod inbound;
mod local;
mod outbound;
mod pace;
mod pieces;
mod prompt;
mod ready;
mod round;
mod smooth;
mod socket;
mod timers;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cube_sdk_core::Error;
use tokio::time::{Instant, Sleep};

use self::pace::Pace;
use self::prompt::Prompt;
use self::ready::ReadySet;
use self::smooth::Smooth;
use super::codec::decode::Decoder;
use super::codec::frame::{self, Version};
use super::codec::outbox::Outbox;
use super::codec::{Breach, Side};
use super::counters::Counters;
use super::mux::turns::Turns;
use super::mux::{Mux, Role, Rules, Slot};
use super::report::StreamReport;
use crate::app_name::AppName;
use crate::ground::Duplex;
use crate::refusal::{Refusal, TunnelCode};

pub use closing::ConnectionEnd;
use closing::State;
pub(crate) use socket::{DialFuture, Incoming};
use socket::{Settling, Socket};

/// Bits before those of the slots.
const WS_READ: usize = 0;
const WS_WRITE: usize = 1;
const HOST: usize = 2;
const SLOTS: usize = 3;

/// Bytes moved before the runtime looks at its sockets again: until it does, nobody learns that a small frame of
/// another stream waits. Less while there is such a stream.
const TURN: usize = 1024 * 1024;

/// Rounds before that happens even when hardly a byte moved.
const ROUNDS: usize = 32;

/// What the driver needs from the end that it serves.
pub(crate) trait Host: Send {
    /// Agent: the next local connection.
    fn poll_accept(&mut self, _cx: &mut Context<'_>) -> Poll<Incoming> {
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
    turns: Turns,
    pace: Pace,
    smooth: Smooth,
    prompt: Prompt,
    /// Until when bulk is held back by it.
    held: Option<Instant>,
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
    unread: Vec<Incoming>,
    /// Bytes moved in this poll.
    load: usize,
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
        let mut driver = Self {
            io,
            role,
            mux: Mux::new(role, version, rules, now),
            decoder: Decoder::new(side, max_message),
            outbox: Outbox::new(side),
            ready: ReadySet::new(Mux::slots_for(&rules) + SLOTS),
            sockets: Vec::new(),
            work: VecDeque::new(),
            turns: Turns::default(),
            pace: Pace::new(),
            smooth: Smooth::default(),
            prompt: Prompt::default(),
            held: None,
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
            load: 0,
        };
        // Before the first byte: what a socket holds already, nothing overtakes.
        driver.fit_unsent();
        driver
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

    fn is_open(&self) -> bool {
        matches!(self.state, State::Running) && self.stopping.is_none()
    }

    fn socket(&mut self, slot: Slot) -> &mut Socket {
        if self.sockets.len() <= slot {
            self.sockets.resize_with(slot + 1, Socket::default);
        }
        &mut self.sockets[slot]
    }
}
