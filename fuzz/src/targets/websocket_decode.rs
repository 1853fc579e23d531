//! WebSocket framing: however the bytes are cut, the same messages come out, within the limit.

use super::input::Input;
use crate::tunnel::codec::decode::{Decoder, Event};
use crate::tunnel::codec::{Breach, Side, frame};

#[derive(Debug, Default, PartialEq)]
struct Read {
    data: Vec<(u32, Vec<u8>)>,
    others: Vec<(usize, Event, Vec<u8>)>,
    breach: Option<Breach>,
}

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let side = if input.flag() { Side::Server } else { Side::Client };
    let limit = [64, 4096, 1 << 20][input.below(3)];
    let cuts = [input.byte(), input.byte(), input.byte()];
    let wire = input.0;
    let whole = read(side, limit, wire, &[u8::MAX; 3]);
    let cut = read(side, limit, wire, &cuts);
    assert_eq!(whole, cut, "cut by {cuts:?}");
    let payload: usize = whole.data.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(payload <= wire.len());
}

fn read(side: Side, limit: usize, mut wire: &[u8], cuts: &[u8; 3]) -> Read {
    let mut decoder = Decoder::new(side, limit);
    let mut out = Read::default();
    let mut cuts = cuts.iter().cycle();
    while !wire.is_empty() {
        // The longest step is all that there is.
        let step = match cuts.next() {
            Some(&u8::MAX) | None => wire.len(),
            Some(step) => usize::from(*step) + 1,
        };
        let room = decoder.room();
        assert!(!room.is_empty(), "no room for the next read");
        let step = step.min(wire.len()).min(room.len());
        room[..step].copy_from_slice(&wire[..step]);
        decoder.filled(step);
        wire = &wire[step..];
        loop {
            match decoder.next() {
                Ok(Some(event)) => out.take(&decoder, event, limit),
                Ok(None) => break,
                Err(breach) => {
                    assert!(matches!(breach.code, 1002 | 1007 | 1009));
                    out.breach = Some(breach);
                    return out;
                }
            }
        }
    }
    out
}

impl Read {
    fn take(&mut self, decoder: &Decoder, event: Event, limit: usize) {
        match event {
            Event::Data { stream, range } => {
                assert!(!range.is_empty(), "a piece without bytes");
                let bytes = decoder.bytes(&range);
                match self.data.last_mut() {
                    Some((id, joined)) if *id == stream => joined.extend(bytes),
                    _ => self.data.push((stream, bytes.to_vec())),
                }
                assert!(range.len() + frame::HEADER <= limit);
            }
            Event::Ping(ref payload) | Event::Pong(ref payload) => {
                assert!(payload.len() <= 125);
                self.others.push((self.data.len(), event, Vec::new()));
            }
            Event::Frame { .. } => {
                assert!(decoder.kept().len() <= 1024 && decoder.kept().len() + frame::HEADER <= limit);
                self.others.push((self.data.len(), event, decoder.kept().to_vec()));
            }
            event => self.others.push((self.data.len(), event, Vec::new())),
        }
    }
}
