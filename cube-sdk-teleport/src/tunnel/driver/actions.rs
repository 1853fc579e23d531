//! What the stream table asks for: done to the sockets, put on the wire. Here and nowhere else the table is emptied.

use std::time::Duration;

use cube_sdk_core::clock::later;

use super::socket::{Incoming, Local, Settling, Socket, follow_consumer};
use super::{Driver, Fault, Host};
use crate::refusal::TunnelCode;
use crate::seam::Upstream;
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::mux::{Action, Role, Slot};
use crate::tunnel::report::{Ending, Party};

impl Driver {
    /// Empties the table once a stage has fed it: actions first, since they may ask for frames.
    pub(super) fn drain_mux(&mut self, host: &mut dyn Host) -> Result<(), Fault> {
        self.apply_actions(host);
        self.encode_frames()
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
                    let socket = self.socket(slot);
                    socket.untouched = false;
                    socket.local.opened();
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
                Action::Reset { slot } => {
                    let why = self.mux.why().map(|(code, words)| TunnelFault::new(code, words));
                    self.vacate_with(slot, true, why);
                }
                Action::Ended(report) => {
                    self.counters.stream_ended();
                    if matches!(report.ending, Ending::Cut { by: Party::Remote, .. }) {
                        host.proved();
                    }
                    host.ended(report);
                }
                Action::Refused { stream, refusal } => host.refused_stream(stream, refusal),
                Action::Draining { grace } => {
                    let text = "the relay is about to stop".to_owned();
                    self.stop_by(
                        later(later(self.now, grace), Duration::from_secs(1)),
                        TunnelCode::Draining,
                        1000,
                        text,
                    );
                }
            }
        }
    }

    pub(super) fn install(&mut self, slot: Slot, upstream: Upstream) {
        let braked = self.mux.terms().brake.is_some();
        let socket = &mut self.sockets[slot];
        socket.local = upstream.into();
        if let (Local::Tcp(stream), true) = (&socket.local, braked) {
            follow_consumer(stream);
        }
        socket.readable = true;
        socket.writable = true;
    }

    /// Frees a slot; `cut` makes the local side see a reset.
    pub(super) fn vacate(&mut self, slot: Slot, cut: bool) {
        self.vacate_with(slot, cut, None);
    }

    fn vacate_with(&mut self, slot: Slot, cut: bool, why: Option<TunnelFault>) {
        let Some(socket) = self.sockets.get_mut(slot) else { return self.mux.release(slot) };
        let in_work = socket.in_work;
        let Socket { local, queue, untouched, .. } = std::mem::take(socket);
        socket.in_work = in_work;
        self.turns.vacate(slot);
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
                self.unread.push(Incoming::Tcp(stream));
            }
            Local::Own(far) if cut && untouched && self.role == Role::Agent && !self.is_alive() => {
                self.unread.push(Incoming::Own(far));
            }
            local if cut => local.reset(why),
            local => drop(local),
        }
        self.mux.release(slot);
        self.tell_granted();
    }

    /// Tells the counters of windows that were opened, grew or are gone.
    pub(super) fn tell_granted(&mut self) {
        let now = self.mux.granted();
        if now != self.granted {
            self.counters.granted(self.granted, now);
            self.granted = now;
        }
    }

    /// Local connections whose stream was lost before anything was read from them: they can be opened again.
    pub(crate) fn take_unread(&mut self) -> Vec<Incoming> {
        std::mem::take(&mut self.unread)
    }
}
