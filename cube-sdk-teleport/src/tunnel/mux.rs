//! The stream table of a connection: a state machine without I/O, for both ends and both versions.
//!
//! Events go in (frames, local ends of file, bytes written), [`Action`]s and frames come out. Payload bytes never
//! pass through: the driver moves them and tells how many.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::app_name::AppName;
use super::code::{Refusal, TunnelCode};
use super::frame::{self, Frame, Hello, Version};
use super::keepalive::{Beat, Keepalive};
use super::stream::{Ending, Party, Phase, Stream, StreamReport};
use super::websocket::Breach;
use super::window::GROWTH_PER_CONNECTION;

/// The first HELLO of the peer must come within this time.
const HELLO_LIMIT: Duration = Duration::from_secs(10);

/// A stream whose local side knows no half-close ends after this long in one direction only.
const ONE_WAY_LIMIT: Duration = Duration::from_secs(30);

/// Credit that may be outstanding per stream.
const CREDIT_LIMIT: u64 = (1 << 31) - 1;

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
    /// Agent: the relay will stop.
    Draining { grace: Duration },
}

enum Entry {
    Free,
    Live(Stream),
    /// Over for the protocol; the driver still holds the socket.
    Over,
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
            credit_returned: false,
            blocked: 0,
            draining: false,
            started: now,
            openings: VecDeque::new(),
            waiting: VecDeque::new(),
            dialling: 0,
            idle_scan: None,
            max_slots: Self::slots_for(&rules),
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
        if matches!(self.entries.get(slot), Some(Entry::Over)) {
            self.entries[slot] = Entry::Free;
            self.free.push(slot);
        }
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
        let Entry::Live(stream) = std::mem::replace(entry, Entry::Over) else { return };
        self.ids.remove(&stream.id);
        self.growth += stream.receiver.as_ref().map_or(0, super::window::Receiver::growth);
        self.blocked -= usize::from(stream.blocked);
        let settle = ending == Ending::Completed;
        self.actions.push_back(if settle { Action::Settle { slot } } else { Action::Reset { slot } });
        self.actions.push_back(Action::Ended(stream.report(now, ending)));
    }

    /// The dial of a stream that is over was dropped.
    pub(crate) fn dial_dropped(&mut self, now: Instant) {
        self.dialling = self.dialling.saturating_sub(1);
        self.dial_next(now);
    }

    /// How many payload bytes the stream may send now.
    pub(crate) fn sendable(&self, slot: Slot) -> u64 {
        let Some(Entry::Live(stream)) = self.entries.get(slot) else { return 0 };
        let may = match (stream.phase, self.role, self.version) {
            (Phase::Open, ..) => true,
            (_, Role::Agent, Version::V2) => true,
            _ => false,
        };
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
        if let Some(receiver) = &mut stream.receiver
            && let Some(credit) = receiver.written(now, bytes, round_trip, &mut self.growth)
        {
            self.credit_returned = true;
            self.frames.push_back((Some(slot), Frame::Credit { stream: id, bytes: credit }));
        }
    }

    /// A piece of DATA came in: where it goes, or none when it is to be dropped.
    pub(crate) fn data(&mut self, now: Instant, id: u32, bytes: u64) -> Result<Option<Slot>, Breach> {
        if self.version == Version::V2 && self.peer.is_none() {
            return Err(Breach::protocol("first frame is not HELLO"));
        }
        let Some(slot) = self.find(id)? else { return Ok(None) };
        let (role, version) = (self.role, self.version);
        let Some(stream) = self.live(slot) else { return Ok(None) };
        if version == Version::V2 {
            if role == Role::Agent && stream.phase != Phase::Open {
                return Err(Breach::protocol("DATA before CONNECTED"));
            }
            if stream.fin_received {
                return Err(Breach::protocol("DATA after FIN"));
            }
            if stream.receiver.as_mut().is_some_and(|receiver| !receiver.received(now, bytes)) {
                return Err(Breach::protocol("DATA beyond the credit"));
            }
        }
        stream.received += bytes;
        stream.touched = now;
        Ok(Some(slot))
    }

    /// The stream of an id; none when it is over. Version 2 knows no id that was never opened.
    fn find(&self, id: u32) -> Result<Option<Slot>, Breach> {
        match self.ids.get(&id) {
            Some(slot) => Ok(Some(*slot)),
            None if self.version == Version::V1 || (id != 0 && id <= self.last_id) => Ok(None),
            None => Err(Breach::protocol(format!("frame for stream {id}, which was never opened"))),
        }
    }

    /// A frame other than DATA came in.
    pub(crate) fn frame(&mut self, now: Instant, frame: Frame) -> Result<(), Breach> {
        if self.version == Version::V2 {
            match (&frame, self.peer.is_some()) {
                (Frame::Hello(hello), false) => {
                    self.peer = Some(*hello);
                    // The first measurement; windows can grow from then on.
                    if let Some(nonce) = self.keepalive.ask(now) {
                        self.frames.push_back((None, Frame::Ping(nonce)));
                    }
                    return Ok(());
                }
                (Frame::Hello(_), true) => return Err(Breach::protocol("second HELLO")),
                (_, false) => return Err(Breach::protocol("first frame is not HELLO")),
                (_, true) => {}
            }
        }
        match frame {
            Frame::Connect { stream, app } => self.on_connect(now, stream, &app),
            Frame::Connected { stream } => self.on_connected(now, stream),
            Frame::Close { stream, code, text } => self.on_close(now, stream, code, text),
            Frame::Error { stream, code, text } => self.on_error(now, stream, code, text),
            Frame::Credit { stream, bytes } => self.on_credit(stream, bytes),
            Frame::Fin { stream } => self.on_fin(now, stream),
            Frame::Drain { grace_ms, .. } => {
                if self.role == Role::Relay {
                    return Err(Breach::protocol("DRAIN from an agent"));
                }
                self.draining = true;
                self.actions.push_back(Action::Draining { grace: Duration::from_millis(u64::from(grace_ms)) });
                Ok(())
            }
            Frame::Ping(nonce) => {
                self.frames.push_back((None, Frame::Pong(nonce)));
                Ok(())
            }
            Frame::Pong(nonce) => {
                self.pong(now, nonce);
                Ok(())
            }
            Frame::Ignored { .. } | Frame::Hello(_) => Ok(()),
            // DATA takes the other way in.
            Frame::Data { stream, payload } => self.data(now, stream, payload.len() as u64).map(drop),
        }
    }

    fn on_connect(&mut self, now: Instant, id: u32, name: &[u8]) -> Result<(), Breach> {
        if self.role == Role::Agent {
            return match self.version {
                Version::V1 => Ok(()),
                Version::V2 => Err(Breach::protocol("CONNECT from a relay")),
            };
        }
        match self.version {
            Version::V2 if id <= self.last_id => {
                return Err(Breach::protocol(format!("CONNECT {id} is not above {}", self.last_id)));
            }
            Version::V1 if self.ids.contains_key(&id) => {
                return Err(Breach::protocol(format!("CONNECT {id} twice")));
            }
            _ => {}
        }
        self.last_id = self.last_id.max(id);
        let refusal = if self.draining {
            Refusal::new(TunnelCode::Draining, "the relay is about to stop")
        } else if !self.has_room(self.rules.hello.max_streams) {
            Refusal::new(TunnelCode::Busy, format!("{} streams are open", self.rules.hello.max_streams))
        } else {
            match AppName::from_wire(name) {
                Ok(app) => {
                    let windows = (self.rules.hello.window, self.peer.map_or(0, |hello| hello.window));
                    self.insert(Stream::new(id, app, Phase::Queued, now, self.version, windows));
                    self.openings.push_back((now + self.rules.open_limit, id));
                    self.waiting.push_back(id);
                    self.dial_next(now);
                    self.note_idle(now);
                    return Ok(());
                }
                Err(fault) => Refusal::new(TunnelCode::BadName, format!("the app's name {fault}")),
            }
        };
        let Refusal { code, message } = refusal;
        self.frames.push_back((None, Frame::Error { stream: id, code: Some(code), text: message }));
        Ok(())
    }

    fn on_connected(&mut self, now: Instant, id: u32) -> Result<(), Breach> {
        if self.role == Role::Relay {
            return self.v1_tolerates("CONNECTED from an agent");
        }
        let Some(slot) = self.find(id)? else {
            if self.version == Version::V1 {
                // The relay came too late: it must not keep the stream.
                self.frames.push_back((None, Frame::Close { stream: id, code: None, text: String::new() }));
            }
            return Ok(());
        };
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if stream.phase == Phase::Open {
            return self.v1_tolerates("CONNECTED twice");
        }
        stream.phase = Phase::Open;
        stream.touched = now;
        self.actions.push_back(Action::Opened { slot });
        Ok(())
    }

    fn v1_tolerates(&self, what: &str) -> Result<(), Breach> {
        match self.version {
            Version::V1 => Ok(()),
            Version::V2 => Err(Breach::protocol(what)),
        }
    }

    fn on_close(&mut self, now: Instant, id: u32, code: Option<TunnelCode>, text: String) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let opening = self.live(slot).is_some_and(|stream| stream.phase != Phase::Open);
        let ending = match code {
            None if !opening => Ending::Completed,
            code => Ending::Cut { by: Party::Remote, code: code.unwrap_or(TunnelCode::Stopped), message: text },
        };
        self.end(now, slot, ending);
        Ok(())
    }

    fn on_error(&mut self, now: Instant, id: u32, code: Option<TunnelCode>, text: String) -> Result<(), Breach> {
        if self.role == Role::Relay {
            return self.v1_tolerates("ERROR from an agent");
        }
        let Some(slot) = self.find(id)? else { return Ok(()) };
        if self.version == Version::V2 && self.live(slot).is_some_and(|stream| stream.phase == Phase::Open) {
            return Err(Breach::protocol("ERROR after CONNECTED"));
        }
        let code = code.unwrap_or(TunnelCode::RefusedUpstream);
        self.end(now, slot, Ending::Cut { by: Party::Remote, code, message: text });
        Ok(())
    }

    fn on_credit(&mut self, id: u32, bytes: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let role = self.role;
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if role == Role::Agent && stream.phase != Phase::Open {
            return Err(Breach::protocol("CREDIT before CONNECTED"));
        }
        stream.credit += u64::from(bytes);
        if stream.credit > CREDIT_LIMIT {
            return Err(Breach::protocol("more than 2^31 - 1 bytes of credit"));
        }
        if std::mem::take(&mut stream.blocked) {
            self.blocked -= 1;
        }
        Ok(())
    }

    fn on_fin(&mut self, now: Instant, id: u32) -> Result<(), Breach> {
        let Some(slot) = self.find(id)? else { return Ok(()) };
        let role = self.role;
        let Some(stream) = self.live(slot) else { return Ok(()) };
        if role == Role::Agent && stream.phase != Phase::Open {
            return Err(Breach::protocol("FIN before CONNECTED"));
        }
        if stream.fin_received {
            return Err(Breach::protocol("FIN twice"));
        }
        stream.fin_received = true;
        stream.touched = now;
        let (both, one_way) = (stream.fin_sent, stream.is_one_way());
        if both {
            self.end(now, slot, Ending::Completed);
        } else {
            self.actions.push_back(Action::Finish { slot });
            if one_way {
                self.scan_by(now + ONE_WAY_LIMIT);
            }
        }
        Ok(())
    }

    /// Bytes of any sort came in.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.keepalive.heard(now);
    }

    /// A pong of either layer; gives the round trip that it measured.
    pub(crate) fn pong(&mut self, now: Instant, nonce: u64) -> Option<Duration> {
        self.keepalive.answered(now, nonce)
    }

    fn scan_by(&mut self, at: Instant) {
        self.idle_scan = Some(self.idle_scan.map_or(at, |scan| scan.min(at)));
    }

    fn note_idle(&mut self, now: Instant) {
        if let Some(limit) = self.rules.idle_limit {
            self.scan_by(now + limit);
        }
    }

    /// When [`Mux::tick`] wants to be called.
    pub(crate) fn next_tick(&self) -> Instant {
        let busy = self.blocked > 0 || self.credit_returned;
        let mut next = self.keepalive.next(busy);
        if self.version == Version::V2 && self.peer.is_none() {
            next = next.min(self.started + HELLO_LIMIT);
        }
        if let Some((at, _)) = self.openings.front() {
            next = next.min(*at);
        }
        self.idle_scan.map_or(next, |scan| next.min(scan))
    }

    /// Looks at the clocks. In version 1 a ping is to be sent as a WebSocket ping: its nonce is given back.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<Option<u64>, Breach> {
        if self.version == Version::V2 && self.peer.is_none() && now >= self.started + HELLO_LIMIT {
            return Err(Breach::protocol("no HELLO within 10 s"));
        }
        while let Some((at, id)) = self.openings.front().copied() {
            let slot = self.ids.get(&id).copied();
            let pending =
                slot.and_then(|slot| self.live(slot)).is_some_and(|stream| stream.phase != Phase::Open);
            if pending && at > now {
                break;
            }
            self.openings.pop_front();
            if pending && let Some(slot) = slot {
                self.cut(now, slot, TunnelCode::DialTimeout, "no answer in time");
            }
        }
        if self.idle_scan.is_some_and(|scan| now >= scan) {
            self.scan_idle(now);
        }
        let busy = self.blocked > 0 || self.credit_returned;
        match self.keepalive.beat(now, busy) {
            Beat::Rest => Ok(None),
            Beat::Dead => Err(Breach { code: 1001, reason: "no byte from the peer for too long".to_owned() }),
            Beat::Ping(nonce) => {
                self.credit_returned = false;
                if self.version == Version::V1 {
                    return Ok(Some(nonce));
                }
                self.frames.push_back((None, Frame::Ping(nonce)));
                Ok(None)
            }
        }
    }

    fn scan_idle(&mut self, now: Instant) {
        self.idle_scan = None;
        for slot in 0..self.entries.len() {
            let configured = self.rules.idle_limit;
            let Some(stream) = self.live(slot) else { continue };
            let one_way = stream.is_one_way() && stream.phase == Phase::Open;
            let limit = if one_way { Some(configured.unwrap_or(ONE_WAY_LIMIT).min(ONE_WAY_LIMIT)) } else { configured };
            let Some(limit) = limit else { continue };
            let due = stream.touched + limit;
            if due > now {
                self.scan_by(due);
            } else if one_way && stream.fin_received {
                self.local_eof(now, slot);
            } else {
                self.cut(now, slot, TunnelCode::Idle, "no byte either way");
            }
        }
    }
}

#[cfg(test)]
#[path = "mux_tests.rs"]
mod tests;
