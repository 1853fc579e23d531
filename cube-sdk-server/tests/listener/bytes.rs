//! What clients say, byte by byte.

/// The first words of HTTP/2.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface and the settings; `window` is how much of an answer may come unasked.
pub fn hello(window: Option<u32>) -> Vec<u8> {
    const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];
    let setting = window.map(|window| [&INITIAL_WINDOW_SIZE[..], &window.to_be_bytes()].concat());
    [PREFACE, &frame(SETTINGS, 0, 0, &setting.unwrap_or_default())].concat()
}

pub fn ping() -> Vec<u8> {
    frame(PING, 0, 0, b"hereiam!")
}

/// `GET /` or `POST /` of host `x`, from HPACK's static table.
fn fields(post: bool) -> [u8; 6] {
    [if post { 0x83 } else { 0x82 }, 0x86, 0x84, 0x41, 1, b'x']
}

pub fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(false))
}

/// A request whose body is still to come.
pub fn post(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &fields(true))
}

/// A head whose end is still to come.
pub fn unfinished(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM, stream, &fields(false))
}
