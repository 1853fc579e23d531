//! From bytes to tunnel frames: WebSocket framing and the tunnel header in one pass, without I/O.
//!
//! DATA payloads are handed on in the pieces in which they arrive, so a long message needs no long buffer.

use std::ops::Range;

use super::{BINARY, Breach, CLOSE, CONTINUATION, PING, PONG, Side, TEXT, frame, mask};

/// The read buffer: what one read of the socket may bring. One whose reads fill it grows once.
const BUFFER: usize = 128 * 1024;
const MOST_BUFFER: usize = 1024 * 1024;

/// Frames from this length on come in rows of the same length: reads end where one of them ends.
const LONG: usize = 16 * 1024;

/// Of a frame that is not DATA, no more than this is kept. Longer texts and names are refused by their receiver.
const KEPT: usize = 1024;

/// What came in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A piece of a DATA payload; the bytes are at this range of [`Decoder::bytes`].
    Data { stream: u32, range: Range<usize> },
    /// A DATA frame without payload.
    EmptyData { stream: u32 },
    /// Another frame; its payload is [`Decoder::kept`].
    Frame { command: u8, stream: u32 },
    /// WebSocket ping with its payload.
    Ping(Vec<u8>),
    /// WebSocket pong with its payload.
    Pong(Vec<u8>),
    /// WebSocket close.
    Close { code: Option<u16>, reason: String },
    /// A text message, skipped.
    Text,
}

/// A data frame of the WebSocket whose payload is being read.
struct Body {
    left: u64,
    fin: bool,
    key: Option<[u8; 4]>,
}

/// A message in progress, over all its fragments.
#[derive(Default)]
struct Message {
    text: bool,
    head: [u8; frame::HEADER],
    head_len: usize,
    payload: u64,
}

/// The decoder of one connection.
pub(crate) struct Decoder {
    side: Side,
    max_message: usize,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    body: Option<Body>,
    message: Option<Message>,
    kept: Vec<u8>,
    /// A read nearly filled it.
    brimful: bool,
    /// How long the last frame of the WebSocket was, with its header.
    last: usize,
}

impl Decoder {
    /// A decoder that refuses messages longer than `max_message` bytes, tunnel header included.
    pub(crate) fn new(side: Side, max_message: usize) -> Self {
        Self {
            side,
            max_message,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            body: None,
            message: None,
            kept: Vec::new(),
            brimful: false,
            last: 0,
        }
    }

    /// Room for the next read. Never empty: between reads at most one unfinished WebSocket header stays.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.brimful && self.buffer.len() < MOST_BUFFER {
                self.buffer = vec![0; MOST_BUFFER].into_boxed_slice();
            }
            let room = self.whole_frames();
            return &mut self.buffer[..room];
        }
        if self.buffer.len() - self.end < self.buffer.len() / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut self.buffer[self.end..]
    }

    /// What is left of this frame and as many more of its length as fit: a frame that one read ends and the next one
    /// begins is two pieces, and two writes to the consumer.
    fn whole_frames(&self) -> usize {
        let left = self.body.as_ref().map_or(0, |body| usize::try_from(body.left).unwrap_or(usize::MAX));
        let whole = self.buffer.len();
        let rest = whole.saturating_sub(left);
        if self.last < LONG || rest < self.last {
            return if left >= LONG { whole.min(left) } else { whole };
        }
        left + rest / self.last * self.last
    }

    /// Notes that `n` bytes were put into the room.
    pub(crate) fn filled(&mut self, n: usize) {
        self.brimful |= n >= BUFFER / 4 * 3;
        self.end = (self.end + n).min(self.buffer.len());
    }

    /// Reads are to be short: gives back what long ones were given.
    pub(crate) fn rest(&mut self) {
        self.brimful = false;
        if self.start == self.end && self.buffer.len() > BUFFER {
            self.buffer = vec![0; BUFFER].into_boxed_slice();
        }
    }

    /// Drops what was read and not decoded.
    pub(crate) fn skip(&mut self) {
        self.start = self.end;
    }

    /// The buffer that ranges point into.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.buffer[range.clone()]
    }

    /// The payload of the last [`Event::Frame`], at most 1 024 bytes of it.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// The next event; none when more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Breach> {
        loop {
            let event = if self.body.is_some() { self.read_body()? } else { self.read_head()? };
            match event {
                Step::Event(event) => return Ok(Some(event)),
                Step::Again => {}
                Step::Starved => return Ok(None),
            }
        }
    }

    fn read_head(&mut self) -> Result<Step, Breach> {
        let have = &self.buffer[self.start..self.end];
        let [first, second, rest @ ..] = have else { return Ok(Step::Starved) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 {
            return Err(Breach::protocol("reserved websocket bits are set"));
        }
        let masked = second & 0x80 != 0;
        if masked != (self.side == Side::Server) {
            return Err(Breach::protocol(if masked {
                "masked frame from a server"
            } else {
                "unmasked frame from a client"
            }));
        }
        let (length, used) = match second & 0x7f {
            126 => match rest.first_chunk::<2>() {
                Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4),
                None => return Ok(Step::Starved),
            },
            127 => match rest.first_chunk::<8>() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 10),
                None => return Ok(Step::Starved),
            },
            short => (u64::from(short), 2),
        };
        let (key, used) = if masked {
            match have.get(used..).and_then(|rest| rest.first_chunk::<4>()) {
                Some(key) => (Some(*key), used + 4),
                None => return Ok(Step::Starved),
            }
        } else {
            (None, used)
        };
        if opcode >= CLOSE {
            return self.read_control(opcode, fin, length, key, used);
        }
        match (opcode, &self.message) {
            (CONTINUATION, Some(_)) => {}
            (TEXT | BINARY, None) => {
                self.message = Some(Message { text: opcode == TEXT, ..Message::default() });
                self.kept.clear();
            }
            (CONTINUATION, None) => return Err(Breach::protocol("continuation without a message")),
            (TEXT | BINARY, Some(_)) => return Err(Breach::protocol("new message inside another")),
            _ => return Err(Breach::protocol("unknown websocket opcode")),
        }
        let so_far = self.message.as_ref().map_or(0, |m| m.payload + m.head_len as u64);
        if so_far.saturating_add(length) > self.max_message as u64 {
            return Err(Breach::too_big(self.max_message));
        }
        self.start += used;
        self.last = used.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        self.body = Some(Body { left: length, fin, key });
        Ok(Step::Again)
    }

    fn read_control(
        &mut self,
        opcode: u8,
        fin: bool,
        length: u64,
        key: Option<[u8; 4]>,
        used: usize,
    ) -> Result<Step, Breach> {
        if !fin || length > 125 {
            return Err(Breach::protocol("websocket control frame fragmented or too long"));
        }
        let from = self.start + used;
        let until = from + length as usize;
        if until > self.end {
            return Ok(Step::Starved);
        }
        let mut payload = self.buffer[from..until].to_vec();
        if let Some(key) = key {
            mask::apply(&mut payload, key);
        }
        self.start = until;
        Ok(Step::Event(match opcode {
            PING => Event::Ping(payload),
            PONG => Event::Pong(payload),
            CLOSE => read_close(&payload)?,
            _ => return Err(Breach::protocol("unknown websocket opcode")),
        }))
    }

    fn read_body(&mut self) -> Result<Step, Breach> {
        let (Some(body), Some(message)) = (&mut self.body, &mut self.message) else { return Ok(Step::Again) };
        if body.left == 0 {
            let fin = body.fin;
            self.body = None;
            return if fin { self.end_message() } else { Ok(Step::Again) };
        }
        let there = (self.end - self.start).min(usize::try_from(body.left).unwrap_or(usize::MAX));
        if there == 0 {
            return Ok(Step::Starved);
        }
        // The tunnel header first, by itself, so that the payload starts a piece of its own.
        let in_head = !message.text && message.head_len < frame::HEADER;
        let take = if in_head { there.min(frame::HEADER - message.head_len) } else { there };
        let range = self.start..self.start + take;
        if let Some(key) = body.key
            && !message.text
        {
            body.key = Some(mask::apply(&mut self.buffer[range.clone()], key));
        }
        body.left -= take as u64;
        self.start += take;
        if message.text {
            message.payload += take as u64;
            return Ok(Step::Again);
        }
        if in_head {
            message.head[message.head_len..message.head_len + take].copy_from_slice(&self.buffer[range]);
            message.head_len += take;
            return Ok(Step::Again);
        }
        message.payload += take as u64;
        if message.head[0] == frame::DATA {
            return Ok(Step::Event(Event::Data { stream: message.stream(), range }));
        }
        let keep = (KEPT - self.kept.len().min(KEPT)).min(take);
        self.kept.extend_from_slice(&self.buffer[range.start..range.start + keep]);
        Ok(Step::Again)
    }

    fn end_message(&mut self) -> Result<Step, Breach> {
        let Some(message) = self.message.take() else { return Ok(Step::Again) };
        if message.text {
            return Ok(Step::Event(Event::Text));
        }
        if message.head_len < frame::HEADER {
            return Err(Breach::protocol(frame::FrameFault::Short.to_string()));
        }
        let stream = message.stream();
        Ok(match message.head[0] {
            frame::DATA if message.payload == 0 => Step::Event(Event::EmptyData { stream }),
            frame::DATA => Step::Again,
            command => Step::Event(Event::Frame { command, stream }),
        })
    }
}

/// RFC 6455, sections 5.5.1 and 7.4: no payload, or a code that may stand in a frame and UTF-8.
fn read_close(payload: &[u8]) -> Result<Event, Breach> {
    if payload.is_empty() {
        return Ok(Event::Close { code: None, reason: String::new() });
    }
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return Err(Breach::protocol("websocket close with half a code"));
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Breach::protocol(format!("websocket close with code {code}, which no frame may carry")));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Event::Close { code: Some(code), reason: reason.to_owned() }),
        Err(_) => Err(Breach { code: 1007, reason: "websocket close with a reason that is not UTF-8".to_owned() }),
    }
}

impl Message {
    fn stream(&self) -> u32 {
        let [_, a, b, c, d] = self.head;
        u32::from_be_bytes([a, b, c, d])
    }
}

enum Step {
    Event(Event),
    Again,
    Starved,
}

#[cfg(test)]
mod tests;
