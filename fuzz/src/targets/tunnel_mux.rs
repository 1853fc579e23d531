//! The stream table against any peer and any order of local events: no panic, each stream ends once, and neither
//! side's bytes pass the credit that was granted.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::input::Input;
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};
use crate::tunnel::codec::Breach;
use crate::tunnel::codec::frame::{Frame, Hello, Version};
use crate::tunnel::mux::window::{GROWTH_PER_CONNECTION, WINDOW_CAP};
use crate::tunnel::mux::{Action, Mux, Role, Rules, Slot};
use crate::tunnel::report::Ending;

const MAX_STREAMS: u32 = 4;
const MAX_DIALLING: usize = 2;

/// A stream as the driver knows it. `granted` and `credit` count from the opening on.
#[derive(Debug, Default)]
struct Held {
    id: u32,
    open: bool,
    dialling: bool,
    eof: bool,
    received: u64,
    written: u64,
    granted: u64,
    sent: u64,
    credit: u64,
}

struct Driver {
    mux: Mux,
    role: Role,
    version: Version,
    window: u64,
    peer: Option<Hello>,
    now: Instant,
    live: BTreeMap<Slot, Held>,
    over: Vec<Slot>,
}

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let mut driver = Driver::new(&mut input);
    driver.settle();
    while !input.is_empty() {
        let outcome = driver.step(&mut input);
        driver.settle();
        if outcome.is_err() {
            break;
        }
        driver.check();
    }
    driver.mux.lost(driver.now, "gone");
    driver.settle();
    assert!(driver.live.is_empty() && driver.mux.streams() == 0, "streams outlive their connection");
}

impl Driver {
    fn new(input: &mut Input<'_>) -> Self {
        let role = if input.flag() { Role::Relay } else { Role::Agent };
        let version = if input.flag() { Version::V1 } else { Version::V2 };
        let window = [1, 4096, 256 * 1024, u32::MAX][input.below(4)];
        let now = Instant::now();
        let rules = Rules {
            hello: Hello { window, max_data: 1024, max_streams: MAX_STREAMS, flags: 0 },
            open_limit: Duration::from_secs(10),
            max_dialling: MAX_DIALLING,
            idle_limit: input.flag().then_some(Duration::from_secs(60)),
        };
        let mux = Mux::new(role, version, rules, now);
        Self { mux, role, version, window: window.into(), peer: None, now, live: BTreeMap::new(), over: Vec::new() }
    }

    fn nth(&self, n: usize) -> Option<Slot> {
        self.live.keys().copied().nth(n % self.live.len().max(1))
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), Breach> {
        let now = self.now;
        match input.below(16) {
            0..=3 => {
                let (command, stream, length) = (input.byte() % 13, u32::from(input.byte() % 8), input.below(24));
                let payload = input.take(length);
                let frame = Frame::from_parts(self.version, command, stream, payload);
                return self.frame(frame.map_err(|fault| Breach::protocol(fault.to_string()))?);
            }
            4 => {
                let words = [input.size() as u32, input.size() as u32, u32::from(input.byte())];
                if self.version == Version::V1 {
                    return Ok(()); // Its codec gives no such frame.
                }
                let [window, max_data, max_streams] = words;
                return self.frame(Frame::Hello(Hello { window, max_data: max_data.max(1), max_streams, flags: 0 }));
            }
            5 => {
                let (id, bytes) = (u32::from(input.byte() % 8), input.size().max(1));
                return self.data(id, bytes);
            }
            6 => self.write(input.below(8), input.size()),
            7 => self.send(input.below(8), input.size()),
            8 => self.eof(input.below(8)),
            9 => {
                if let Some(slot) = self.nth(input.below(8)) {
                    self.mux.cut(now, slot, TunnelCode::from_number(input.byte().into()), "cut");
                }
            }
            10 => self.dialled(input.below(8), input.below(4)),
            11 => self.open(),
            12 => {
                self.now += Duration::from_millis(input.size() % 70_000);
                if input.flag() {
                    self.mux.heard(self.now);
                }
                self.mux.tick(self.now)?;
                assert!(self.mux.next_tick() > self.now, "the clock wants to be asked again at once");
            }
            13 => {
                if self.role == Role::Relay && input.byte() == 0 {
                    self.mux.drain(Duration::from_millis(input.size()), "stop");
                }
            }
            14 => {
                if !self.over.is_empty() {
                    let slot = self.over.swap_remove(input.below(256) % self.over.len());
                    self.mux.release(slot);
                }
            }
            _ => {
                if input.byte() == 0 {
                    self.mux.cut_all(now, TunnelCode::Stopped, "stop");
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Breach> {
        let (mut connect, mut credit) = (None, None);
        match &frame {
            Frame::Data { stream, payload } => return self.data(*stream, payload.len() as u64),
            Frame::Hello(hello) => {
                self.peer.get_or_insert(*hello);
            }
            Frame::Connect { stream, .. } => connect = Some(*stream),
            Frame::Credit { stream, bytes } => credit = Some((*stream, u64::from(*bytes))),
            _ => {}
        }
        self.mux.frame(self.now, frame)?;
        if let Some(slot) = connect.and_then(|id| self.mux.slot(id)).filter(|_| self.role == Role::Relay) {
            let id = connect.unwrap_or_default();
            let held = self.live.entry(slot).or_insert_with(|| Held { id, ..Held::default() });
            assert_eq!(held.id, id, "two streams in one slot");
        }
        if let Some((id, bytes)) = credit
            && let Some(slot) = self.mux.slot(id)
        {
            self.held(slot).credit += bytes;
        }
        Ok(())
    }

    fn held(&mut self, slot: Slot) -> &mut Held {
        self.live.get_mut(&slot).unwrap_or_else(|| panic!("slot {slot} holds no stream"))
    }

    fn data(&mut self, id: u32, bytes: u64) -> Result<(), Breach> {
        if let Some(slot) = self.mux.data(self.now, id, bytes)? {
            let held = self.held(slot);
            assert_eq!(held.id, id);
            held.received += bytes;
        }
        Ok(())
    }

    /// The consumer takes some of what is queued. A stream that is being dialled has none yet.
    fn write(&mut self, nth: usize, most: u64) {
        let Some(slot) = self.nth(nth) else { return };
        let now = self.now;
        let held = self.held(slot);
        let bytes = most.min(held.received - held.written);
        if bytes > 0 && held.open {
            held.written += bytes;
            self.mux.written(now, slot, bytes);
        }
    }

    fn send(&mut self, nth: usize, most: u64) {
        let Some(slot) = self.nth(nth) else { return };
        let may = self.mux.sendable(slot);
        let bytes = most.min(may).min(self.mux.max_data() as u64);
        if may == 0 {
            self.mux.starved(slot);
        }
        if bytes > 0 && !self.held(slot).eof {
            self.mux.sent(self.now, slot, bytes);
            self.held(slot).sent += bytes;
        }
    }

    fn eof(&mut self, nth: usize) {
        let Some(slot) = self.nth(nth) else { return };
        let early = (self.role, self.version) == (Role::Agent, Version::V2);
        let held = self.held(slot);
        if (held.open || early) && !std::mem::replace(&mut held.eof, true) {
            self.mux.local_eof(self.now, slot);
        }
    }

    fn dialled(&mut self, nth: usize, outcome: usize) {
        let dialling: Vec<Slot> = self.live.iter().filter(|(_, held)| held.dialling).map(|(slot, _)| *slot).collect();
        let Some(slot) = dialling.get(nth % dialling.len().max(1)).copied() else { return };
        let held = self.held(slot);
        held.dialling = false;
        held.open = outcome > 0;
        let outcome = match outcome {
            0 => Err(Refusal::new(TunnelCode::Unreachable, "no")),
            half_close => Ok(half_close > 1),
        };
        self.mux.dialled(self.now, slot, outcome);
    }

    fn open(&mut self) {
        if self.role == Role::Relay {
            return;
        }
        let Ok(app) = AppName::new("app") else { return };
        if let Ok(slot) = self.mux.open(self.now, &app) {
            let id = self.mux.id(slot).unwrap_or_else(|| panic!("an opened stream has an id"));
            let before = self.live.insert(slot, Held { id, ..Held::default() });
            assert!(before.is_none() && !self.over.contains(&slot), "the slot is taken");
        }
    }

    /// Carries out the actions and takes the frames off, as the driver does.
    fn settle(&mut self) {
        let mut ended = None;
        while let Some(action) = self.mux.next_action() {
            match action {
                Action::Dial { slot, deadline, .. } => {
                    assert!(deadline >= self.now && self.role == Role::Relay);
                    let held = self.held(slot);
                    assert!(!std::mem::replace(&mut held.dialling, true) && !held.open, "dialled twice");
                }
                Action::Opened { slot } => assert!(!std::mem::replace(&mut self.held(slot).open, true)),
                Action::Finish { slot } => drop(self.held(slot)),
                Action::Settle { slot } => ended = Some((slot, true)),
                Action::Reset { slot } => ended = Some((slot, false)),
                Action::Ended(report) => {
                    let (slot, well) = ended.take().unwrap_or_else(|| panic!("ended without a word on the socket"));
                    let held = self.live.remove(&slot).unwrap_or_else(|| panic!("slot {slot} ended twice"));
                    assert_eq!((report.stream, report.sent, report.received), (held.id, held.sent, held.received));
                    assert_eq!(well, report.ending == Ending::Completed);
                    if held.dialling {
                        self.mux.dial_dropped(self.now);
                    }
                    self.over.push(slot);
                }
                Action::Refused { refusal, .. } => assert!(self.role == Role::Relay && !refusal.message.is_empty()),
                Action::Draining { .. } => assert_eq!(self.role, Role::Agent),
            }
        }
        while let Some((slot, frame)) = self.mux.next_frame() {
            let mut wire = Vec::new();
            frame.encode(self.version, &mut wire);
            assert!(Frame::decode(self.version, &wire).is_ok(), "{frame:?} is not readable");
            if let (Some(slot), Frame::Credit { stream, bytes }) = (slot, &frame)
                && let Some(held) = self.live.get_mut(&slot).filter(|held| held.id == *stream)
            {
                held.granted += u64::from(*bytes);
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.mux.streams(), self.live.len());
        let most =
            if self.role == Role::Relay { MAX_STREAMS } else { self.peer.map_or(MAX_STREAMS, |p| p.max_streams) };
        assert!(self.live.len() <= most as usize, "{} streams", self.live.len());
        assert!(self.live.values().filter(|held| held.dialling).count() <= MAX_DIALLING);
        if self.version == Version::V1 {
            return;
        }
        let mut grown = 0;
        for (slot, held) in &self.live {
            let granted = self.window + held.granted;
            assert!(held.received <= granted, "{held:?} passes what was granted");
            assert!(granted - held.written <= self.window.max(WINDOW_CAP), "{held:?}: the window is too wide");
            grown += held.granted.saturating_sub(held.written);
            let may = self.peer.map_or(0, |hello| u64::from(hello.window)) + held.credit;
            assert!(held.sent + self.mux.sendable(*slot) <= may, "{held:?} sends more than {may}");
        }
        assert!(grown <= GROWTH_PER_CONNECTION, "windows grew by {grown}");
    }
}
