//! One poll: sockets that rang, then the WebSocket's two directions, in rounds of bounded size.

use std::future::Future as _;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::closing::State;
use super::socket::{Local, Socket, follow_consumer};
use super::{ConnectionEnd, Driver, Fault, HOST, Host, ROUNDS, SLOTS, TURN, WS_READ, WS_WRITE};
use crate::tunnel::mux::{Role, Slot};

impl Driver {
    /// Gives the end once the connection is over and every local socket is closed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, host: &mut dyn Host) -> Poll<ConnectionEnd> {
        self.ready.register(cx.waker());
        self.load = 0;
        for _ in 0..ROUNDS {
            self.now = Instant::now();
            self.collect_ready();
            let moved = match self.round(host).and_then(|moved| Ok(moved | self.poll_clock(host)?)) {
                Ok(moved) => moved,
                Err(fault) => {
                    self.fail(fault);
                    if let Err(fault) = self.drain_mux(host) {
                        self.fail(fault);
                    }
                    true
                }
            };
            if let State::Over(end) = &self.state {
                return Poll::Ready(end.clone());
            }
            if !moved && !self.poll_timer(cx) {
                return Poll::Pending;
            }
            if self.load > self.prompt.bound(self.now, TURN) {
                break;
            }
        }
        // Not woken at once: the runtime looks at its sockets first, which is how small frames of other streams
        // get between those of a busy one.
        let turn = std::pin::pin!(tokio::task::yield_now());
        // Always pending when polled for the first time.
        let _: Poll<()> = turn.poll(cx);
        Poll::Pending
    }

    pub(super) fn collect_ready(&mut self) {
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

    pub(super) fn round(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        let mut moved = self.poll_inbound(host)?;
        moved |= self.poll_accept(host);
        self.drain_mux(host)?;
        moved |= self.poll_sockets(host)?;
        moved |= self.fill()?;
        self.drain_mux(host)?;
        // Before the credit goes out that makes use of it.
        self.tell_granted();
        moved |= self.poll_outbound()?;
        self.poll_stopping(host)?;
        Ok(moved)
    }

    /// Agent: takes local connections while streams can be opened.
    pub(super) fn poll_accept(&mut self, host: &mut dyn Host) -> bool {
        if self.role == Role::Relay || !self.host_ready || !self.mux.is_ready() || !self.is_open() {
            return false;
        }
        let mut moved = false;
        // A burst of connections must not starve those that are open.
        for _ in 0..32 {
            let mut cx = Context::from_waker(self.ready.waker(HOST));
            let Poll::Ready(incoming) = host.poll_accept(&mut cx) else {
                self.host_ready = false;
                break;
            };
            moved = true;
            let Some(app) = host.app() else { break };
            match self.mux.open(self.now, app) {
                Ok(slot) => {
                    self.counters.stream_opened();
                    self.tell_granted();
                    let local = Local::from(incoming);
                    if let (Local::Tcp(stream), true) = (&local, self.mux.terms().brake.is_some()) {
                        follow_consumer(stream);
                    }
                    *self.socket(slot) = Socket::connected(local);
                    self.schedule(slot);
                }
                Err(code) => {
                    incoming.refuse(code, "the connection takes no more streams");
                    host.refused(code);
                }
            }
        }
        moved
    }

    pub(super) fn schedule(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.socket(slot).in_work, true) {
            self.work.push_back(slot);
        }
    }
}
