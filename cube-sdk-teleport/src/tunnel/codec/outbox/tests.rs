#![allow(clippy::unwrap_used, clippy::panic)]

use std::task::Waker;

use proptest::prelude::*;

use super::super::decode::{Decoder, Event};
use super::super::frame::{self, Frame, Version};
use super::*;

/// Takes so many bytes at each write, then is full once.
struct Narrow {
    out: Vec<u8>,
    step: usize,
    full: bool,
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.full = !self.full;
        if !self.full {
            return Poll::Pending;
        }
        let n = self.step.min(bytes.len());
        self.out.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A read that may bring `most` bytes and brings `there` of them if it can; gives how many.
fn read(outbox: &mut Outbox, stream: u32, most: usize, longest: usize, there: usize) -> usize {
    let read = |payloads: &mut [IoSliceMut<'_>]| {
        let mut left = there;
        for payload in payloads {
            let n = left.min(payload.len());
            payload[..n].fill(stream as u8);
            left -= n;
        }
        Poll::Ready(Ok(there - left))
    };
    match outbox.read_frames(stream, most, longest, read) {
        Poll::Ready(outcome) => outcome.unwrap().unwrap(),
        Poll::Pending => panic!("the read was ready"),
    }
}

fn bulk(outbox: &mut Outbox, stream: u32, length: usize) {
    assert_eq!(read(outbox, stream, length.max(1), CHUNK, length), length);
}

fn message(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(Version::V2, &mut bytes);
    bytes
}

/// Commands and streams in the order in which they came out; DATA with its length.
fn read_back(wire: &[u8], side: Side) -> Vec<(u8, u32, usize)> {
    let mut decoder = Decoder::new(side, 1 << 20);
    let mut seen: Vec<(u8, u32, usize)> = Vec::new();
    for chunk in wire.chunks(10_000) {
        decoder.room()[..chunk.len()].copy_from_slice(chunk);
        decoder.filled(chunk.len());
        while let Some(event) = decoder.next().unwrap() {
            match event {
                Event::Data { stream, range } => {
                    assert!(decoder.bytes(&range).iter().all(|byte| *byte == stream as u8));
                    match seen.last_mut() {
                        Some((frame::DATA, id, length)) if *id == stream => *length += range.len(),
                        _ => seen.push((frame::DATA, stream, range.len())),
                    }
                }
                Event::Frame { command, stream } => seen.push((command, stream, 0)),
                other => panic!("{other:?}"),
            }
        }
    }
    seen
}

#[test]
fn control_overtakes_data_between_frames_and_an_end_stays_behind_its_bytes() {
    for (side, other) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
        let mut outbox = Outbox::new(side);
        let mut io = Narrow { out: Vec::new(), step: 700, full: false };
        let mut cx = Context::from_waker(Waker::noop());
        bulk(&mut outbox, 1, 3000);
        bulk(&mut outbox, 2, 60);
        assert!(outbox.holds(outbox.epoch()));
        // Part of the first frame is out when control comes.
        assert!(outbox.poll_write(&mut io, &mut cx).1.is_pending());
        outbox.urge(BINARY, &message(&Frame::Ping(1))).unwrap();
        outbox.append(&message(&Frame::Fin { stream: 1 })).unwrap();
        while outbox.poll_write(&mut io, &mut cx).1.is_pending() {}
        assert_eq!(outbox.pending(), 0);
        let order = read_back(&io.out, other);
        assert_eq!(
            order,
            [(frame::DATA, 1, 3000), (frame::PING, 0, 0), (frame::DATA, 2, 60), (frame::FIN, 1, 0)],
            "{side:?}"
        );
        // The arena is empty: an earlier epoch holds nothing.
        assert!(!outbox.holds(1));
        bulk(&mut outbox, 3, 100);
        while outbox.poll_write(&mut io, &mut cx).1.is_pending() {}
        assert_eq!(read_back(&io.out, other).last(), Some(&(frame::DATA, 3, 100)));
    }
}

proptest! {
    /// However much a read may bring and brings, every byte comes out, in frames as long as they may be.
    #[test]
    fn one_read_makes_as_few_frames_as_it_can(
        reads in proptest::collection::vec((1usize..400_000, 0usize..400_000), 1..6),
        longest in 1usize..100_000,
        client: bool,
    ) {
        let (side, other) = if client { (Side::Client, Side::Server) } else { (Side::Server, Side::Client) };
        let mut outbox = Outbox::new(side);
        let mut io = Narrow { out: Vec::new(), step: 1 << 20, full: false };
        let mut cx = Context::from_waker(Waker::noop());
        let limit = longest.min(CHUNK);
        let mut want = Vec::new();
        for (stream, (most, there)) in (1u32..).zip(reads) {
            let got = read(&mut outbox, stream, most, longest, there);
            prop_assert!(got <= most.min(there));
            prop_assert!(got > 0 || there == 0);
            prop_assert!(got == there || got >= limit.min(most), "{} of {} that were there", got, most);
            want.extend((0..got).step_by(limit).map(|at| (stream, limit.min(got - at))));
        }
        let bounds: Vec<_> = outbox.bounds.iter().copied().collect();
        prop_assert_eq!(bounds.len(), want.len());
        while outbox.poll_write(&mut io, &mut cx).1.is_pending() {}
        let mut sent: Vec<(u8, u32, usize)> = Vec::new();
        for (stream, length) in want {
            match sent.last_mut() {
                Some((_, last, sum)) if *last == stream => *sum += length,
                _ => sent.push((frame::DATA, stream, length)),
            }
        }
        prop_assert_eq!(read_back(&io.out, other), sent);
    }
}

#[test]
fn what_a_fast_line_was_given_is_given_back_when_it_rests() {
    let mut outbox = Outbox::new(Side::Server);
    let mut io = Narrow { out: Vec::new(), step: 1 << 20, full: false };
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        read(&mut outbox, 1, FILL, CHUNK, FILL);
    }
    outbox.rest();
    assert!(outbox.arena.len() > ARENA, "it holds bytes");
    while outbox.poll_write(&mut io, &mut cx).1.is_pending() {}
    outbox.rest();
    assert_eq!(outbox.arena.len(), ARENA);
    bulk(&mut outbox, 2, 100);
    while outbox.poll_write(&mut io, &mut cx).1.is_pending() {}
    assert_eq!(read_back(&io.out, Side::Client).last(), Some(&(frame::DATA, 2, 100)));
}
