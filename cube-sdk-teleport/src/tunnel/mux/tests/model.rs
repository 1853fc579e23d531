//! The reference model: a local side is a plain pipe, what travels a queue.

use std::collections::{BTreeMap, VecDeque};

use crate::tunnel::mux::window::Receiver;
use crate::tunnel::mux::*;
use crate::tunnel::report::Ending;

pub(super) const WINDOW: u32 = 4096;

pub(super) fn rules(max_streams: u32, max_dialling: usize) -> Rules {
    Rules {
        hello: Hello { window: WINDOW, max_data: 1024, max_streams, flags: 0 },
        open_limit: Duration::from_secs(10),
        max_dialling,
        idle_limit: None,
    }
}

/// What travels: a frame, or so many bytes of DATA.
#[derive(Debug)]
pub(super) enum Wire {
    Frame(Frame),
    Data(u32, u64),
}

/// A local side as the reference model sees it: bytes in and out, and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pipe {
    pub(super) id: u32,
    pub(super) sent: u64,
    pub(super) queued: u64,
    pub(super) written: u64,
    pub(super) eof_sent: bool,
    pub(super) finish: bool,
    pub(super) ending: Option<Ending>,
    pub(super) dialling: bool,
}

pub(super) struct End {
    pub(super) mux: Mux,
    pub(super) out: VecDeque<Wire>,
    pub(super) pipes: BTreeMap<Slot, Pipe>,
    pub(super) over: BTreeMap<u32, Pipe>,
}

impl End {
    pub(super) fn new(role: Role, version: Version, now: Instant) -> Self {
        let mut end = Self {
            mux: Mux::new(role, version, rules(5, 2), now),
            out: VecDeque::new(),
            pipes: BTreeMap::new(),
            over: BTreeMap::new(),
        };
        end.settle(now);
        end
    }

    /// Carries out actions at once and puts frames on the wire.
    pub(super) fn settle(&mut self, now: Instant) {
        let mut last = None;
        while let Some(action) = self.mux.next_action() {
            match action {
                Action::Dial { slot, .. } => {
                    let id = self.mux.id(slot).unwrap();
                    self.pipes.entry(slot).or_default().id = id;
                    self.pipes.get_mut(&slot).unwrap().dialling = true;
                }
                Action::Opened { .. } => {}
                Action::Finish { slot } => self.pipes.get_mut(&slot).unwrap().finish = true,
                Action::Settle { slot } | Action::Reset { slot } => last = Some((slot, false)),
                Action::Ended(report) => {
                    let (slot, _) = last.take().expect("an end follows what is to be done about it");
                    let mut pipe = self.pipes.remove(&slot).unwrap_or_default();
                    if pipe.dialling {
                        self.mux.dial_dropped(now);
                    }
                    if report.ending == Ending::Completed {
                        pipe.written += pipe.queued;
                    }
                    pipe.queued = 0;
                    assert_eq!(report.sent, pipe.sent, "what is reported is what was sent");
                    pipe.ending = Some(report.ending);
                    assert!(self.over.insert(report.stream, pipe).is_none(), "a stream ends once");
                    self.mux.release(slot);
                }
                Action::Refused { .. } | Action::Draining { .. } => {}
            }
        }
        while let Some((_, frame)) = self.mux.next_frame() {
            self.out.push_back(Wire::Frame(frame));
        }
    }

    pub(super) fn receive(&mut self, now: Instant, wire: Wire) {
        match wire {
            Wire::Frame(frame) => {
                let connect = match &frame {
                    Frame::Connect { stream, .. } => Some(*stream),
                    _ => None,
                };
                self.mux.frame(now, frame).expect("our own ends keep the rules");
                if let Some(id) = connect
                    && let Some(slot) = self.mux.slot(id)
                {
                    self.pipes.entry(slot).or_default().id = id;
                }
            }
            Wire::Data(id, bytes) => {
                if let Some(slot) = self.mux.data(now, id, bytes).expect("our own ends keep their credit") {
                    let pipe = self.pipes.get_mut(&slot).unwrap();
                    assert!(!pipe.finish, "nothing comes after FIN");
                    pipe.queued += bytes;
                }
            }
        }
        self.settle(now);
    }

    pub(super) fn nth(&self, n: usize) -> Option<Slot> {
        let slots: Vec<Slot> = self.pipes.keys().copied().collect();
        (!slots.is_empty()).then(|| slots[n % slots.len()])
    }

    /// What holds at any time.
    pub(super) fn check(&self, version: Version) {
        for (slot, pipe) in &self.pipes {
            if let (Version::V2, Some(receiver)) = (version, self.receiver(*slot)) {
                let granted = receiver.granted();
                assert!(pipe.queued <= granted, "queued {} of {granted}", pipe.queued);
            }
        }
        assert!(self.mux.streams() <= 5);
        assert!(self.mux.dialling <= 2);
        assert_eq!(self.mux.streams(), self.mux.ids.len());
    }

    fn receiver(&self, slot: Slot) -> Option<&Receiver> {
        match &self.mux.entries[slot] {
            Entry::Live(stream) => stream.receiver(),
            _ => None,
        }
    }

    /// No credit from nowhere: what this end may send, the other is ready to take.
    pub(super) fn check_credit(&self, other: &Self) {
        for (id, slot) in &self.mux.ids {
            let theirs = other.mux.slot(*id).and_then(|slot| other.receiver(slot));
            let (Entry::Live(ours), Some(theirs)) = (&self.mux.entries[*slot], theirs) else { continue };
            let ready = theirs.outstanding();
            assert!(ours.credit() <= ready, "stream {id} may send {}, but {ready} are taken", ours.credit());
        }
    }
}
