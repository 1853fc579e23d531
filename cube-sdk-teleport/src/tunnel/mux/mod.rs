//! The stream table of a connection: a state machine without I/O, for both ends and both versions.
//!
//! Events go in (frames, local ends of file, bytes written), [`Action`]s and frames come out. Payload bytes never
//! pass through: the driver moves them and tells how many.

mod clocks;
mod inbound;
#[cfg(test)]
mod mutant;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::app_name::AppName;
use super::code::{Refusal, TunnelCode};
use super::frame::{self, Frame, Hello, Version};
use super::keepalive::Keepalive;
use super::stream::{Ending, Party, Phase, Stream, StreamReport};
use super::window::GROWTH_PER_CONNECTION;

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
    role: Role,
    version: Version,
    rules: Rules,
    peer: Option<Hello>,
    ids: HashMap<u32, Slot>,
    entries: Vec<Entry>,
    free: Vec<Slot>,
    last_id: u32,
    frames: VecDeque<(Option<Slot>, Frame)>,
    actions: VecDeque<Action>,
    keepalive: Keepalive,
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
        let mut mux = Self {
            role,
            version,
            rules,
            peer: None,
            ids: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            last_id: 0,
            frames: VecDeque::new(),
            actions: VecDeque::new(),
            keepalive: Keepalive::new(version, now),
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
        if version == Version::V2 {
            mux.frames.push_back((None, Frame::Hello(rules.hello)));
        }
        mux
    }

    /// Slots that a connection may use: closed streams hold theirs a little longer than their place in the count.
    pub(crate) fn slots_for(rules: &Rules) -> usize {
        (rules.hello.max_streams as usize).saturating_mul(2).saturating_add(64).min(1 << 16)
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// May streams be opened: the peer's HELLO is in, and it is not about to stop?
    pub(crate) fn is_ready(&self) -> bool {
        (self.version == Version::V1 || self.peer.is_some()) && !self.draining
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

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The longest DATA payload to send.
    pub(crate) fn max_data(&self) -> usize {
        match (self.version, &self.peer) {
            // What the published agent sends at most is all that a published relay is known to accept.
            (Version::V1, _) if self.role == Role::Agent => 32 * 1024,
            (Version::V1, _) => frame::V1_MAX_MESSAGE - frame::HEADER,
            (Version::V2, Some(hello)) => hello.max_data as usize,
            (Version::V2, None) => 0,
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

    /// Agent: a local connection came in.
    pub(crate) fn open(&mut self, now: Instant, app: &AppName) -> Result<Slot, TunnelCode> {
        if !self.is_ready() {
            return Err(TunnelCode::Draining);
        }
        let most = self.peer.map_or(self.rules.hello.max_streams, |hello| hello.max_streams);
        if !self.has_room(most) {
            return Err(TunnelCode::Busy);
        }
        let id = self.last_id.checked_add(1).ok_or(TunnelCode::Busy)?;
        self.last_id = id;
        let windows = (self.rules.hello.window, self.peer.map_or(0, |hello| hello.window));
        let slot = self.insert(Stream::new(id, app.clone(), Phase::Opening, now, self.version, windows));
        self.openings.push_back((now + self.rules.open_limit, id));
        self.frames.push_back((Some(slot), Frame::Connect { stream: id, app: app.as_str().as_bytes().to_vec() }));
        self.note_idle(now);
        Ok(slot)
    }

    /// Relay: dialling ended. `half_close` tells whether the app's connection can end one direction alone.
    pub(crate) fn dialled(&mut self, now: Instant, slot: Slot, outcome: Result<bool, Refusal>) {
        self.dialling = self.dialling.saturating_sub(1);
        #[cfg(test)]
        self.keep_dial_place();
        if let Some(stream) = self.live(slot) {
            let id = stream.id;
            match outcome {
                Ok(half_close) => {
                    stream.phase = Phase::Open;
                    stream.half_close = half_close;
                    stream.touched = now;
                    let one_way = stream.is_one_way();
                    self.frames.push_back((Some(slot), Frame::Connected { stream: id }));
                    if one_way {
                        self.scan_by(now + ONE_WAY_LIMIT);
                    }
                }
                Err(refusal) => self.refuse(now, slot, id, refusal),
            }
        }
        self.dial_next(now);
    }

    fn refuse(&mut self, now: Instant, slot: Slot, id: u32, refusal: Refusal) {
        let Refusal { code, message } = refusal;
        self.frames.push_back((Some(slot), Frame::Error { stream: id, code: Some(code), text: message.clone() }));
        self.end(now, slot, Ending::Cut { by: Party::Local, code, message });
    }

    fn dial_next(&mut self, now: Instant) {
        while self.dialling < self.rules.max_dialling {
            let Some(id) = self.waiting.pop_front() else { return };
            let Some(slot) = self.ids.get(&id).copied() else { continue };
            let limit = self.rules.open_limit;
            if let Some(stream) = self.live(slot) {
                stream.phase = Phase::Opening;
                let (app, deadline) = (stream.app.clone(), stream.since + limit);
                self.dialling += 1;
                self.actions.push_back(Action::Dial { slot, app, deadline: deadline.max(now) });
            }
        }
    }

    /// The stream leaves the table; frames for its id are skipped from now on.
    fn end(&mut self, now: Instant, slot: Slot, ending: Ending) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let Entry::Live(stream) = entry else { return };
        let over = Entry::Over(stream.granted());
        let Entry::Live(stream) = std::mem::replace(entry, over) else { return };
        self.ids.remove(&stream.id);
        #[cfg(test)]
        self.revive(stream.id, slot);
        self.forget_opening(&stream);
        self.growth += stream.receiver.as_ref().map_or(0, super::window::Receiver::growth);
        self.blocked -= usize::from(stream.blocked);
        let settle = ending == Ending::Completed;
        self.actions.push_back(if settle { Action::Settle { slot } } else { Action::Reset { slot } });
        self.actions.push_back(Action::Ended(stream.report(now, ending)));
    }

    /// Version 1 may use the id again at once: what was noted for it must not meet the next stream.
    fn forget_opening(&mut self, stream: &Stream) {
        let deadline = stream.since + self.rules.open_limit;
        let from = self.openings.partition_point(|(at, _)| *at < deadline);
        let noted = self.openings.iter().skip(from).take_while(|(at, _)| *at == deadline);
        if let Some(at) = noted.map(|(_, id)| *id).position(|id| id == stream.id) {
            self.openings.remove(from + at);
        }
        if stream.phase == Phase::Queued
            && let Some(at) = self.waiting.iter().position(|id| *id == stream.id)
        {
            self.waiting.remove(at);
        }
    }

    /// The dial of a stream that is over was dropped.
    pub(crate) fn dial_dropped(&mut self, now: Instant) {
        self.dialling = self.dialling.saturating_sub(1);
        self.dial_next(now);
    }

    /// How many payload bytes the stream may send now.
    pub(crate) fn sendable(&self, slot: Slot) -> u64 {
        let Some(Entry::Live(stream)) = self.entries.get(slot) else { return 0 };
        // Early data: an agent of version 2 need not wait for CONNECTED.
        let early = (self.role, self.version) == (Role::Agent, Version::V2);
        let may = stream.phase == Phase::Open || early;
        if may && !stream.fin_sent { stream.credit } else { 0 }
    }

    /// Bytes wait for credit: the round trip becomes worth knowing.
    pub(crate) fn starved(&mut self, slot: Slot) {
        if let Some(stream) = self.live(slot)
            && stream.phase == Phase::Open
            && !stream.blocked
        {
            stream.blocked = true;
            self.blocked += 1;
        }
    }

    /// A DATA frame with so many bytes was put together; gives the stream's id for its header.
    pub(crate) fn sent(&mut self, now: Instant, slot: Slot, bytes: u64) {
        let version = self.version;
        if let Some(stream) = self.live(slot) {
            if version == Version::V2 {
                stream.credit = stream.credit.saturating_sub(bytes);
            }
            stream.sent += bytes;
            stream.touched = now;
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

    /// The local side ended its direction.
    pub(crate) fn local_eof(&mut self, now: Instant, slot: Slot) {
        let version = self.version;
        let Some(stream) = self.live(slot) else { return };
        let id = stream.id;
        if version == Version::V1 {
            self.frames.push_back((Some(slot), Frame::Close { stream: id, code: None, text: String::new() }));
            self.end(now, slot, Ending::Completed);
            return;
        }
        if stream.fin_sent {
            return;
        }
        stream.fin_sent = true;
        let (both, one_way) = (stream.fin_received, stream.is_one_way());
        self.frames.push_back((Some(slot), Frame::Fin { stream: id }));
        if both {
            self.end(now, slot, Ending::Completed);
        } else if one_way {
            self.scan_by(now + ONE_WAY_LIMIT);
        }
    }

    /// Cuts a stream from this side.
    pub(crate) fn cut(&mut self, now: Instant, slot: Slot, code: TunnelCode, message: &str) {
        let (role, version) = (self.role, self.version);
        let Some(stream) = self.live(slot) else { return };
        let id = stream.id;
        if role == Role::Relay && stream.phase != Phase::Open {
            self.refuse(now, slot, id, Refusal::new(code, message));
            return;
        }
        let code_sent = (version == Version::V2).then_some(code);
        self.frames.push_back((Some(slot), Frame::Close { stream: id, code: code_sent, text: message.to_owned() }));
        self.end(now, slot, Ending::Cut { by: Party::Local, code, message: message.to_owned() });
    }

    /// Cuts every stream from this side.
    pub(crate) fn cut_all(&mut self, now: Instant, code: TunnelCode, message: &str) {
        for slot in 0..self.entries.len() {
            self.cut(now, slot, code, message);
        }
    }

    /// The connection is gone: every stream ends, and nothing can be said about it.
    pub(crate) fn lost(&mut self, now: Instant, message: &str) {
        self.frames.clear();
        for slot in 0..self.entries.len() {
            let ending =
                Ending::Cut { by: Party::Connection, code: TunnelCode::ConnectionLost, message: message.to_owned() };
            self.end(now, slot, ending);
        }
    }

    /// Relay: tells the agent that it will stop, and refuses new streams.
    pub(crate) fn drain(&mut self, grace: Duration, text: &str) {
        if self.draining {
            return;
        }
        self.draining = true;
        if self.version == Version::V2 {
            let grace_ms = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
            self.frames.push_back((None, Frame::Drain { grace_ms, text: text.to_owned() }));
        }
    }

    /// The consumer took bytes.
    pub(crate) fn written(&mut self, now: Instant, slot: Slot, bytes: u64) {
        let round_trip = self.keepalive.least(now);
        let Some(Entry::Live(stream)) = self.entries.get_mut(slot) else { return };
        stream.touched = now;
        if stream.fin_received {
            return;
        }
        let id = stream.id;
        let Some(receiver) = &mut stream.receiver else { return };
        let before = receiver.granted();
        let credit = receiver.written(now, bytes, round_trip, &mut self.growth);
        self.granted += receiver.granted() - before;
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
