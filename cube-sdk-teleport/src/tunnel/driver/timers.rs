//! The one timer of a connection.

use std::future::Future as _;
use std::task::Context;

use tokio::time::Instant;

use super::closing::State;
use super::{Driver, Fault, Host};
use crate::tunnel::codec;

impl Driver {
    /// Does what is due, whether or not the runtime's timer has rung: it rings late while bytes keep moving.
    pub(super) fn poll_clock(&mut self, host: &mut dyn Host) -> Result<bool, Fault> {
        if self.next_deadline() > self.now {
            return Ok(false);
        }
        self.on_timer()?;
        self.drain_mux(host)?;
        Ok(true)
    }

    /// Arms the timer; true when it rang.
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let next = self.next_deadline();
        if next < self.armed || self.armed <= self.now {
            self.armed = next;
            self.sleep.as_mut().reset(next);
        }
        self.sleep.as_mut().poll(cx).is_ready()
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let mut next = match &self.state {
            State::Running => self.mux.next_tick(),
            State::Closing { deadline, .. } => *deadline,
            State::Over(_) => self.now,
        };
        let stall = self.stalled_at();
        let stopping = self.stopping.as_ref().filter(|_| self.is_alive()).map(|stopping| stopping.deadline);
        for deadline in [stall, stopping, self.linger, self.held].into_iter().flatten() {
            next = next.min(deadline);
        }
        next
    }

    pub(super) fn on_timer(&mut self) -> Result<(), Fault> {
        if let State::Running = self.state
            && let Some(nonce) = self.mux.tick(self.now)?
        {
            self.outbox.urge(codec::PING, &nonce.to_be_bytes())?;
        }
        self.cut_stalled();
        self.end_lingering();
        // In its middle a transfer is hardly ever without a byte in either.
        self.outbox.rest();
        self.decoder.rest();
        Ok(())
    }
}
