//! The end of a connection: by a rule broken, by a stop, by the peer, by the network.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cube_sdk_core::clock::later;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::{Driver, Fault, Host, Settling, Stopping, WS_WRITE};
use crate::refusal::{TunnelCode, clipped};
use crate::tunnel::codec;
use crate::tunnel::mux::{Action, Role};
use crate::tunnel::report::Party;

/// How long the peer may take to answer a WebSocket close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectionEnd {
    /// Who ended it.
    pub by: Party,
    /// The WebSocket code that was sent or received; none when the connection just broke.
    pub code: Option<u16>,
    /// For people.
    pub reason: String,
}

impl ConnectionEnd {
    /// Ended on this side without a word to the peer.
    pub(crate) fn local(reason: &str) -> Self {
        Self { by: Party::Local, code: None, reason: reason.to_owned() }
    }
}

pub(super) enum State {
    Running,
    /// A WebSocket close is under way.
    Closing {
        deadline: Instant,
        end: ConnectionEnd,
        answered: bool,
    },
    Over(ConnectionEnd),
}

impl Driver {
    /// Streams can live: the connection below them is there.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.state, State::Running)
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        match fault {
            Fault::Breach(breach) => {
                let by = if breach.code == 1001 { Party::Connection } else { Party::Local };
                self.close(breach.code, &breach.reason, by);
            }
            Fault::Io(error) => self.hung_up(&error.to_string()),
            Fault::Local(error) => self.close(1011, error.message(), Party::Local),
        }
    }

    /// Ends every stream as lost and says why in a WebSocket close.
    fn close(&mut self, code: u16, reason: &str, by: Party) {
        if !self.is_alive() {
            return;
        }
        let end = ConnectionEnd { by, code: Some(code), reason: reason.to_owned() };
        self.state = State::Closing { deadline: self.now + CLOSE_LIMIT, end, answered: false };
        self.mux.lost(self.now, reason);
        self.full = None;
        self.send_close(code, reason);
    }

    fn send_close(&mut self, code: u16, reason: &str) {
        let mut payload = code.to_be_bytes().to_vec();
        let mut text = clipped(reason);
        while text.len() > 123 {
            text = text.char_indices().next_back().map_or("", |(at, _)| &text[..at]);
        }
        payload.extend_from_slice(text.as_bytes());
        if self.outbox.urge(codec::CLOSE, &payload).is_err() {
            self.hung_up("no random bytes for a websocket close");
        }
    }

    pub(super) fn peer_closed(&mut self, code: Option<u16>, reason: &str) -> Result<(), Fault> {
        match &mut self.state {
            State::Running => {
                let shown = match (code, reason) {
                    (Some(code), "") => format!("closed by the peer with {code}"),
                    (Some(code), reason) => format!("closed by the peer with {code}: {reason}"),
                    (None, _) => "closed by the peer".to_owned(),
                };
                let end = ConnectionEnd { by: Party::Remote, code, reason: shown.clone() };
                self.state = State::Closing { deadline: self.now + CLOSE_LIMIT, end, answered: true };
                self.mux.lost(self.now, &shown);
                self.full = None;
                self.send_close(code.unwrap_or(1000), "");
            }
            State::Closing { answered, .. } => *answered = true,
            State::Over(_) => {}
        }
        Ok(())
    }

    /// The transport is gone.
    pub(super) fn hung_up(&mut self, reason: &str) {
        let end = match &self.state {
            State::Running => ConnectionEnd { by: Party::Connection, code: None, reason: reason.to_owned() },
            State::Closing { end, .. } => end.clone(),
            State::Over(_) => return,
        };
        let was_alive = self.is_alive();
        self.state = State::Over(end);
        self.full = None;
        if was_alive {
            self.mux.lost(self.now, reason);
        }
        self.outbox.discard();
    }

    /// Waits for open streams until `deadline`, cuts the rest with `code`, and closes with `websocket`.
    pub(super) fn stop_by(&mut self, deadline: Instant, code: TunnelCode, websocket: u16, text: String) {
        let sooner = self.stopping.as_ref().is_none_or(|stopping| deadline < stopping.deadline);
        if sooner {
            self.stopping = Some(Stopping { deadline, code, websocket, text });
        }
    }

    /// Stops: no new stream, open ones may end by themselves for `grace`.
    pub(crate) fn stop(&mut self, grace: Duration) {
        let text = "stopped".to_owned();
        self.stop_by(later(Instant::now(), grace), TunnelCode::Stopped, 1000, text);
    }

    /// Relay: announces the stop to the agent, which opens new streams elsewhere.
    pub(crate) fn drain(&mut self, grace: Duration) {
        let text = "the relay is about to stop";
        self.mux.drain(grace, text);
        self.stop_by(later(Instant::now(), grace), TunnelCode::Draining, 1001, text.to_owned());
    }

    /// Relay: the caller's key died.
    pub(crate) fn revoke(&mut self) {
        self.stopping = None;
        self.stop_by(Instant::now(), TunnelCode::Expired, 1008, "the key was revoked or expired".to_owned());
    }

    pub(super) fn poll_stopping(&mut self, host: &mut dyn Host) -> Result<(), Fault> {
        if let (State::Running, Some(stopping)) = (&self.state, &self.stopping) {
            let idle = self.mux.streams() == 0 && self.is_settled();
            if idle || self.now >= stopping.deadline {
                let Stopping { code, websocket, text, .. } = stopping.clone();
                self.mux.cut_all(self.now, code, &text);
                self.drain_mux(host)?;
                self.send_close(websocket, &text);
                let by =
                    if self.role == Role::Agent && code == TunnelCode::Draining { Party::Remote } else { Party::Local };
                let end = ConnectionEnd { by, code: Some(websocket), reason: text };
                self.state = State::Closing { deadline: self.now + CLOSE_LIMIT, end, answered: false };
                self.stopping = None;
                self.writable = true;
                self.poll_outbound()?;
            }
        }
        if let State::Closing { deadline, end, answered } = &self.state
            && (self.now >= *deadline || (*answered && self.outbox.pending() == 0))
        {
            self.state = State::Over(end.clone());
            let mut cx = Context::from_waker(self.ready.waker(WS_WRITE));
            // Best effort: the transport may be gone, and nobody waits for it.
            let _: Poll<_> = Pin::new(&mut self.io).poll_shutdown(&mut cx);
        }
        Ok(())
    }

    /// No socket still owes bytes to its consumer.
    fn is_settled(&self) -> bool {
        self.sockets.iter().all(|socket| socket.settling != Settling::Writing)
    }

    /// After the end: sockets whose stream ended in good order and whose consumer has not read all of it yet.
    pub(crate) fn is_owing(&self) -> bool {
        !self.is_settled()
    }

    /// After the end: goes on writing to consumers that still read, until all is written or none took a byte for
    /// `patience`.
    pub(crate) async fn settle(mut self, patience: Duration, host: &mut dyn Host) {
        let mut last = self.owed();
        loop {
            let quiet = tokio::time::timeout(patience, std::future::poll_fn(|cx| self.poll_settling(cx, host))).await;
            let owed = self.owed();
            if quiet.is_ok() || owed == last {
                break;
            }
            last = owed;
        }
        for slot in 0..self.sockets.len() {
            self.vacate(slot, true);
        }
    }

    fn owed(&self) -> usize {
        self.sockets.iter().map(|socket| socket.queue.len()).sum()
    }

    fn poll_settling(&mut self, cx: &mut Context<'_>, host: &mut dyn Host) -> Poll<()> {
        self.ready.register(cx.waker());
        self.now = Instant::now();
        self.collect_ready();
        while !self.work.is_empty() {
            if self.poll_sockets(host).is_err() {
                return Poll::Ready(());
            }
        }
        if self.is_settled() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // What is not over is cut: no consumer may take it for complete.
        self.mux.lost(self.now, "the connection was dropped");
        while let Some(action) = self.mux.next_action() {
            if matches!(action, Action::Ended(_)) {
                self.counters.stream_ended();
            }
        }
        for slot in 0..self.sockets.len() {
            self.vacate(slot, true);
        }
    }
}
