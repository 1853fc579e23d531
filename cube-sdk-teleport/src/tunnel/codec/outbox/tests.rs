#![allow(clippy::unwrap_used, clippy::panic)]

use std::task::Waker;

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

fn bulk(outbox: &mut Outbox, stream: u32, length: usize) {
    let read = |buffer: &mut ReadBuf<'_>| {
        buffer.put_slice(&vec![stream as u8; length]);
        Poll::Ready(Ok(()))
    };
    match outbox.read_frame(stream, length.max(1), read) {
        Poll::Ready(outcome) => assert_eq!(outcome.unwrap().unwrap(), length),
        Poll::Pending => panic!("the read was ready"),
    }
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
