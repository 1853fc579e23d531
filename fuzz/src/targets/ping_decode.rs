//! Ping framing: pieces of any size give the bytes of a plain reading, by the decoder and by the stream over it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use super::input::Input;
use crate::dial::ping::{HEADER, PingDecoder, PingStream};

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let cuts = [input.below(9) + 1, input.below(64) + 1, input.below(256) + 1];
    let wire = input.0;
    let (payload, pings, whole) = plainly(wire);
    let mut decoder = PingDecoder::default();
    let (mut read, mut rest, mut cuts) = (Vec::new(), wire, cuts.into_iter().cycle());
    while !rest.is_empty() {
        let (mut piece, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
        rest = later;
        while !piece.is_empty() {
            read.extend_from_slice(decoder.decode(&mut piece));
        }
    }
    assert_eq!(read, payload);
    assert_eq!((decoder.pings(), decoder.at_boundary()), (pings, whole));
    let (streamed, ended_well) = streamed(wire, cuts.next().unwrap_or(1));
    assert_eq!(streamed, payload);
    assert_eq!(ended_well, whole, "an end within a frame is an error, and no other is");
}

/// Payload, pings, and whether the last frame was whole.
fn plainly(mut wire: &[u8]) -> (Vec<u8>, u64, bool) {
    let (mut payload, mut pings) = (Vec::new(), 0);
    while let Some((header, rest)) = wire.split_first_chunk::<HEADER>() {
        let length = u32::from_be_bytes(*header) as usize;
        pings += u64::from(length == 0);
        let (part, rest) = rest.split_at(length.min(rest.len()));
        payload.extend_from_slice(part);
        if part.len() < length {
            return (payload, pings, false);
        }
        wire = rest;
    }
    (payload, pings, wire.is_empty())
}

fn streamed(wire: &[u8], room: usize) -> (Vec<u8>, bool) {
    let mut stream = PingStream::new(wire);
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = Vec::new();
    let mut space = vec![0; room];
    loop {
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(&mut stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => return (out, true),
            Poll::Ready(Ok(())) => out.extend_from_slice(buffer.filled()),
            Poll::Ready(Err(_)) => return (out, false),
            Poll::Pending => panic!("a slice is always ready"),
        }
    }
}
