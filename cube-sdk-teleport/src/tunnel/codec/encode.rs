//! WebSocket headers, and whole small messages.

use super::{BINARY, frame, mask};

/// Opcode byte with FIN set.
const fn first(opcode: u8) -> u8 {
    0x80 | opcode
}

/// Bytes that the WebSocket header of a message of `length` bytes takes.
pub(crate) const fn header_len(length: usize, masked: bool) -> usize {
    let base = match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    if masked { base + 4 } else { base }
}

/// Writes the header of a message of `length` bytes to the end of `out`.
fn put_header(out: &mut Vec<u8>, opcode: u8, length: usize, key: Option<[u8; 4]>) {
    let bit = if key.is_some() { 0x80 } else { 0 };
    out.push(first(opcode));
    match length {
        0..=125 => out.push(bit | length as u8),
        126..=0xffff => {
            out.push(bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(key) = key {
        out.extend_from_slice(&key);
    }
}

/// Appends one message that `write` puts together.
pub(crate) fn put_message(out: &mut Vec<u8>, opcode: u8, key: Option<[u8; 4]>, payload: &[u8]) {
    put_header(out, opcode, payload.len(), key);
    let from = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask::apply(&mut out[from..], key);
    }
}

/// Appends a DATA frame.
pub(crate) fn put_data(out: &mut Vec<u8>, key: Option<[u8; 4]>, stream: u32, payload: &[u8]) {
    put_header(out, BINARY, frame::HEADER + payload.len(), key);
    let from = out.len();
    out.extend_from_slice(&frame::header(frame::DATA, stream));
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask::apply(&mut out[from..], key);
    }
}

/// Room to leave in front of a payload of at most `length` bytes for both headers.
pub(crate) const fn data_room(length: usize, masked: bool) -> usize {
    header_len(frame::HEADER + length, masked) + frame::HEADER
}

/// Puts the headers of a DATA frame in front of the payload that lies at `at..at + length` of `buffer`,
/// masks it, and returns where the frame starts.
pub(crate) fn frame_in_place(buffer: &mut [u8], at: usize, length: usize, stream: u32, key: Option<[u8; 4]>) -> usize {
    let size = frame::HEADER + length;
    let inner = at - frame::HEADER;
    buffer[inner..at].copy_from_slice(&frame::header(frame::DATA, stream));
    let mut start = inner;
    if let Some(key) = key {
        mask::apply(&mut buffer[inner..at + length], key);
        start -= 4;
        buffer[start..inner].copy_from_slice(&key);
    }
    let bit = if key.is_some() { 0x80 } else { 0 };
    match size {
        0..=125 => {
            start -= 2;
            buffer[start + 1] = bit | size as u8;
        }
        126..=0xffff => {
            start -= 4;
            buffer[start + 1] = bit | 126;
            buffer[start + 2..start + 4].copy_from_slice(&(size as u16).to_be_bytes());
        }
        _ => {
            start -= 10;
            buffer[start + 1] = bit | 127;
            buffer[start + 2..start + 10].copy_from_slice(&(size as u64).to_be_bytes());
        }
    }
    buffer[start] = first(BINARY);
    start
}
