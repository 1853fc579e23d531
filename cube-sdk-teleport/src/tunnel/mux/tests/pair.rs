//! Two ends over a wire of any delay, and what may happen to them.

use proptest::prelude::*;

use super::model::{End, Pipe, Wire};
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::mux::mutant::Mutant;
use crate::tunnel::mux::*;

#[derive(Clone, Debug)]
pub(super) enum Op {
    Open,
    Deliver { from_agent: bool, count: usize },
    Send { agent: bool, nth: usize, bytes: u64 },
    Eof { agent: bool, nth: usize },
    Write { agent: bool, nth: usize, bytes: u64 },
    Cut { agent: bool, nth: usize },
    Dialled { nth: usize, good: bool },
    Wait { ms: u64 },
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let nth = 0usize..6;
    prop_oneof![
        3 => Just(Op::Open),
        8 => (any::<bool>(), 1usize..6).prop_map(|(from_agent, count)| Op::Deliver { from_agent, count }),
        6 => (any::<bool>(), nth.clone(), 1u64..3000).prop_map(|(agent, nth, bytes)| Op::Send { agent, nth, bytes }),
        2 => (any::<bool>(), nth.clone()).prop_map(|(agent, nth)| Op::Eof { agent, nth }),
        6 => (any::<bool>(), nth.clone(), 1u64..5000).prop_map(|(agent, nth, bytes)| Op::Write { agent, nth, bytes }),
        1 => (any::<bool>(), nth.clone()).prop_map(|(agent, nth)| Op::Cut { agent, nth }),
        4 => (nth, prop::bool::weighted(0.8)).prop_map(|(nth, good)| Op::Dialled { nth, good }),
        1 => (0u64..6000).prop_map(|ms| Op::Wait { ms }),
    ]
}

pub(super) fn app() -> AppName {
    AppName::new("app").unwrap()
}

pub(super) struct Pair {
    pub(super) version: Version,
    pub(super) now: Instant,
    pub(super) agent: End,
    pub(super) relay: End,
}

impl Pair {
    pub(super) fn new(version: Version) -> Self {
        Self::with(version, None)
    }

    /// With the same fault in both ends.
    pub(super) fn with(version: Version, mutant: Option<Mutant>) -> Self {
        let now = Instant::now();
        let (mut agent, mut relay) = (End::new(Role::Agent, version, now), End::new(Role::Relay, version, now));
        (agent.mux.mutant, relay.mux.mutant) = (mutant, mutant);
        let mut pair = Self { version, now, agent, relay };
        pair.deliver_all();
        pair
    }

    pub(super) fn deliver(&mut self, from_agent: bool) -> bool {
        let (from, to) = match from_agent {
            true => (&mut self.agent, &mut self.relay),
            false => (&mut self.relay, &mut self.agent),
        };
        let Some(wire) = from.out.pop_front() else { return false };
        to.mux.heard(self.now);
        to.receive(self.now, wire);
        true
    }

    pub(super) fn deliver_all(&mut self) {
        while self.deliver(true) || self.deliver(false) {}
    }

    pub(super) fn run(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::Open => {
                if let Ok(slot) = self.agent.mux.open(now, &app()) {
                    let id = self.agent.mux.id(slot).unwrap();
                    self.agent.pipes.insert(slot, Pipe { id, ..Pipe::default() });
                }
                self.agent.settle(now);
            }
            Op::Deliver { from_agent, count } => {
                for _ in 0..count {
                    self.deliver(from_agent);
                }
            }
            Op::Send { agent, nth, bytes } => {
                let end = if agent { &mut self.agent } else { &mut self.relay };
                let Some(slot) = end.nth(nth) else { return };
                let bytes = bytes.min(end.mux.sendable(slot)).min(end.mux.max_data() as u64);
                if bytes == 0 {
                    end.mux.starved(slot);
                    return;
                }
                let id = end.mux.id(slot).unwrap();
                end.mux.sent(now, slot, bytes);
                end.pipes.get_mut(&slot).unwrap().sent += bytes;
                end.out.push_back(Wire::Data(id, bytes));
            }
            Op::Eof { agent, nth } => {
                let version = self.version;
                let end = if agent { &mut self.agent } else { &mut self.relay };
                let Some(slot) = end.nth(nth) else { return };
                // A local side is read only while bytes may be sent, or when credit alone is missing.
                let open = end.mux.sendable(slot) > 0 || version == Version::V2;
                let pipe = end.pipes.get_mut(&slot).unwrap();
                if !open || pipe.eof_sent || end.mux.live(slot).is_some_and(|s| !s.is_open() && !agent) {
                    return;
                }
                pipe.eof_sent = true;
                end.mux.local_eof(now, slot);
                end.settle(now);
            }
            Op::Write { agent, nth, bytes } => {
                let end = if agent { &mut self.agent } else { &mut self.relay };
                let Some(slot) = end.nth(nth) else { return };
                // A relay has nobody to write to before its dial is done, be it under way or still in line for one.
                let dialled = agent || end.mux.live(slot).is_some_and(|stream| stream.is_open());
                let pipe = end.pipes.get_mut(&slot).unwrap();
                let bytes = bytes.min(pipe.queued);
                if bytes == 0 || !dialled {
                    return;
                }
                pipe.queued -= bytes;
                pipe.written += bytes;
                end.mux.written(now, slot, bytes);
                end.settle(now);
            }
            Op::Cut { agent, nth } => {
                let end = if agent { &mut self.agent } else { &mut self.relay };
                let Some(slot) = end.nth(nth) else { return };
                end.mux.cut(now, slot, TunnelCode::PeerReset, "cut");
                end.settle(now);
            }
            Op::Dialled { nth, good } => {
                let dialling: Vec<Slot> =
                    self.relay.pipes.iter().filter(|(_, pipe)| pipe.dialling).map(|(slot, _)| *slot).collect();
                if dialling.is_empty() {
                    return;
                }
                let slot = dialling[nth % dialling.len()];
                self.relay.pipes.get_mut(&slot).unwrap().dialling = false;
                let outcome = if good { Ok(true) } else { Err(Refusal::new(TunnelCode::Unreachable, "no")) };
                self.relay.mux.dialled(now, slot, outcome);
                self.relay.settle(now);
            }
            Op::Wait { ms } => {
                self.now += Duration::from_millis(ms);
                // Liveness is tested by itself; here nobody falls silent.
                for end in [&mut self.agent, &mut self.relay] {
                    end.mux.heard(self.now);
                    end.mux.tick(self.now).expect("nobody is dead");
                    end.settle(self.now);
                }
            }
        }
        self.agent.check(self.version);
        self.relay.check(self.version);
        self.agent.check_credit(&self.relay);
        self.relay.check_credit(&self.agent);
    }

    /// Lets every stream come to its end.
    pub(super) fn finish(&mut self) {
        for round in 0..1_000 {
            self.deliver_all();
            if self.agent.pipes.is_empty() && self.relay.pipes.is_empty() {
                return;
            }
            for nth in 0..6 {
                self.run(Op::Dialled { nth, good: true });
                for agent in [true, false] {
                    self.run(Op::Write { agent, nth, bytes: u64::MAX });
                    self.run(Op::Eof { agent, nth });
                }
            }
            assert!(round < 999, "streams never end: {:?} {:?}", self.agent.pipes, self.relay.pipes);
        }
    }
}
