//! The stream table of a connection: a state machine without I/O, for both ends and both versions.
//!
//! Events go in (frames, local ends of file, bytes written), [`Action`]s and frames come out. Payload bytes never
//! pass through: the driver moves them and tells how many.

mod clocks;
mod ending;
mod inbound;
pub(crate) mod keepalive;
#[cfg(test)]
mod mutant;
mod opening;
pub(crate) mod path;
mod stream;
pub(crate) mod terms;
pub(crate) mod turns;
pub(crate) mod window;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::keepalive::Keepalive;
use self::path::Path;
use self::stream::Stream;
use self::terms::Terms;
use self::window::GROWTH_PER_CONNECTION;
use super::codec::frame::{Frame, Hello, Version};
use super::report::{Ending, StreamReport};
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};

/// A stream whose local side knows no half-close ends after this long in one direction only.
const ONE_WAY_LIMIT: Duration = Duration::from_secs(30);

/// Which end of the tunnel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Agent,
    Relay,
}

/// The place of a stream in the driver's tables.
pub(crate) type Slot = usize;

/// What this end offers and bears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) hello: Hello,
    /// Agent: wait for CONNECTED or ERROR. Relay: authorising and dialling together.
    pub(crate) open_limit: Duration,
    /// Relay: dials at once.
    pub(crate) max_dialling: usize,
    /// Streams without a byte for this long are closed.
    pub(crate) idle_limit: Option<Duration>,
}

/// What the driver has to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Relay: authorise and dial, until the deadline.
    Dial { slot: Slot, app: AppName, deadline: Instant },
    /// Agent: CONNECTED came.
    Opened { slot: Slot },
    /// The peer's direction is over: after the queue, shut down the local write side.
    Finish { slot: Slot },
    /// The stream is over in good order: write the queue out, then close.
    Settle { slot: Slot },
    /// The stream is cut: drop the queue and reset the local side.
    Reset { slot: Slot },
    /// For those who watch.
    Ended(StreamReport),
    /// Relay: a CONNECT got no stream. For those who watch.
    Refused { stream: u32, refusal: Refusal },
    /// Agent: the relay will stop.
    Draining { grace: Duration },
}

enum Entry {
    Free,
    Live(Stream),
    /// Over for the protocol; the driver still holds the socket, and what waits in it up to this window.
    Over(u64),
}

/// The table.
pub(crate) struct Mux {
    terms: Terms,
    rules: Rules,
    peer: Option<Hello>,
    ids: HashMap<u32, Slot>,
    entries: Vec<Entry>,
    free: Vec<Slot>,
    last_id: u32,
    frames: VecDeque<(Option<Slot>, Frame)>,
    actions: VecDeque<Action>,
    keepalive: Keepalive,
    path: Path,
    growth: u64,
    granted: u64,
    credit_returned: bool,
    blocked: usize,
    draining: bool,
    started: Instant,
    /// Openings in the order of their deadlines, which all are the same time away.
    openings: VecDeque<(Instant, u32)>,
    waiting: VecDeque<u32>,
    dialling: usize,
    idle_scan: Option<Instant>,
    max_slots: usize,
    #[cfg(test)]
    mutant: Option<mutant::Mutant>,
}

impl Mux {
    /// The table of a new connection; version 2 has its HELLO and a first PING ready at once.
    pub(crate) fn new(role: Role, version: Version, rules: Rules, now: Instant) -> Self {
        let terms = Terms::of(role, version);
        let mut mux = Self {
            terms,
            rules,
            peer: None,
            ids: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            last_id: 0,
            frames: VecDeque::new(),
            actions: VecDeque::new(),
            keepalive: Keepalive::new(terms.clocks, now),
            path: Path::default(),
            growth: GROWTH_PER_CONNECTION,
            granted: 0,
            credit_returned: false,
            blocked: 0,
            draining: false,
            started: now,
            openings: VecDeque::new(),
            waiting: VecDeque::new(),
            dialling: 0,
            idle_scan: None,
            max_slots: Self::slots_for(&rules),
            #[cfg(test)]
            mutant: None,
        };
        if terms.strict {
            mux.frames.push_back((None, Frame::Hello(rules.hello)));
        }
        mux
    }

    /// Slots that a connection may use: closed streams hold theirs a little longer than their place in the count.
    pub(crate) fn slots_for(rules: &Rules) -> usize {
        (rules.hello.max_streams as usize).saturating_mul(2).saturating_add(64).min(1 << 16)
    }

    pub(crate) fn version(&self) -> Version {
        self.terms.version
    }

    /// What differs by version and role.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// May streams be opened: the peer's HELLO is in, and it is not about to stop?
    pub(crate) fn is_ready(&self) -> bool {
        (!self.terms.strict || self.peer.is_some()) && !self.draining
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Streams open or opening.
    pub(crate) fn streams(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn next_frame(&mut self) -> Option<(Option<Slot>, Frame)> {
        self.frames.pop_front()
    }

    /// Why the stream is cut whose [`Action::Reset`] was taken last.
    pub(crate) fn why(&self) -> Option<(TunnelCode, &str)> {
        match self.actions.front() {
            Some(Action::Ended(StreamReport { ending: Ending::Cut { code, message, .. }, .. })) => {
                Some((*code, message))
            }
            _ => None,
        }
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The least round trip at rest.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.path.least()
    }

    /// The longest DATA payload to send.
    pub(crate) fn max_data(&self) -> usize {
        match &self.peer {
            Some(hello) => self.terms.most_data.min(hello.max_data as usize),
            None if self.terms.strict => 0,
            None => self.terms.most_data,
        }
    }

    fn live(&mut self, slot: Slot) -> Option<&mut Stream> {
        match self.entries.get_mut(slot) {
            Some(Entry::Live(stream)) => Some(stream),
            _ => None,
        }
    }

    fn insert(&mut self, stream: Stream) -> Slot {
        let id = stream.id;
        self.granted += stream.granted();
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot] = Entry::Live(stream);
                slot
            }
            None => {
                self.entries.push(Entry::Live(stream));
                self.entries.len() - 1
            }
        };
        self.ids.insert(id, slot);
        slot
    }

    fn has_room(&self, streams: u32) -> bool {
        self.ids.len() < streams as usize && (!self.free.is_empty() || self.entries.len() < self.max_slots)
    }

    /// The driver is done with the socket of a stream that is over.
    pub(crate) fn release(&mut self, slot: Slot) {
        if let Some(Entry::Over(granted)) = self.entries.get(slot) {
            self.granted -= granted;
            self.entries[slot] = Entry::Free;
            self.free.push(slot);
        }
    }

    /// The windows of all streams whose bytes may wait here; none in version 1.
    pub(crate) fn granted(&self) -> u64 {
        self.granted
    }

    /// How many payload bytes the stream may send now.
    pub(crate) fn sendable(&self, slot: Slot) -> u64 {
        match self.entries.get(slot) {
            Some(Entry::Live(stream)) => stream.sendable(self.terms.early_data),
            _ => 0,
        }
    }

    /// Bytes wait for credit: the round trip becomes worth knowing.
    pub(crate) fn starved(&mut self, slot: Slot) {
        let news = self.live(slot).is_some_and(Stream::starve);
        self.blocked += usize::from(news);
    }

    /// A DATA frame with so many bytes was put together; gives the stream's id for its header.
    pub(crate) fn sent(&mut self, now: Instant, slot: Slot, bytes: u64) {
        self.path.moved(now);
        if let Some(stream) = self.live(slot) {
            stream.sent(now, bytes);
        }
    }

    /// The id behind a slot.
    pub(crate) fn id(&self, slot: Slot) -> Option<u32> {
        match self.entries.get(slot) {
            Some(Entry::Live(stream)) => Some(stream.id),
            _ => None,
        }
    }

    /// The slot behind an id.
    pub(crate) fn slot(&self, id: u32) -> Option<Slot> {
        self.ids.get(&id).copied()
    }

    /// The app behind a slot.
    pub(crate) fn app(&self, slot: Slot) -> Option<AppName> {
        match self.entries.get(slot) {
            Some(Entry::Live(stream)) => Some(stream.app.clone()),
            _ => None,
        }
    }

    /// The consumer took bytes.
    pub(crate) fn written(&mut self, now: Instant, slot: Slot, bytes: u64) {
        let Some(Entry::Live(stream)) = self.entries.get_mut(slot) else { return };
        let id = stream.id;
        let before = stream.granted();
        let credit = stream.written(now, bytes, &self.path, &mut self.growth);
        self.granted = self.granted - before + stream.granted();
        if let Some(credit) = credit {
            self.credit_returned = true;
            self.frames.push_back((Some(slot), Frame::Credit { stream: id, bytes: credit }));
            #[cfg(test)]
            self.return_again(slot, id, credit);
        }
    }
}

#[cfg(test)]
mod tests;
