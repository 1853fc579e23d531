//! The frames of both versions: a codec without I/O.
//!
//! One frame per binary WebSocket message: `u8` command, `u32` stream id, payload; big endian. The payloads
//! of version 1 are those of the published agent; those of version 2 are in `docs/tunnel-protocol.md`.

use std::fmt;

use crate::refusal::{TunnelCode, clipped};

/// Bytes before the payload.
pub const HEADER: usize = 5;

/// The longest message of version 1, header included.
pub const V1_MAX_MESSAGE: usize = 1 << 20;

/// CONNECT.
pub const CONNECT: u8 = 1;
/// DATA.
pub const DATA: u8 = 2;
/// CLOSE.
pub const CLOSE: u8 = 3;
/// ERROR.
pub const ERROR: u8 = 4;
/// CONNECTED.
pub const CONNECTED: u8 = 5;
/// CREDIT.
pub const CREDIT: u8 = 6;
/// FIN.
pub const FIN: u8 = 7;
/// PING.
pub const PING: u8 = 8;
/// PONG.
pub const PONG: u8 = 9;
/// HELLO.
pub const HELLO: u8 = 10;
/// DRAIN.
pub const DRAIN: u8 = 11;

/// The version that both ends speak on a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Version {
    /// The published wire format.
    V1,
    /// `cube-tunnel.v2`.
    V2,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1",
            Self::V2 => "2",
        })
    }
}

/// What a side of version 2 is ready to receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hello {
    /// DATA bytes that each stream may send before the first CREDIT.
    pub window: u32,
    /// The longest DATA payload.
    pub max_data: u32,
    /// Streams open or dialling at once.
    pub max_streams: u32,
    /// No flag is defined yet; unknown ones are ignored.
    pub flags: u32,
}

/// One frame, decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Frame {
    /// Opens a stream. The name is checked by the receiver, which refuses a bad one with ERROR.
    Connect {
        /// Stream id.
        stream: u32,
        /// The app's name as sent.
        app: Vec<u8>,
    },
    /// Payload bytes.
    Data {
        /// Stream id.
        stream: u32,
        /// The bytes; in version 2 never empty.
        payload: Vec<u8>,
    },
    /// Ends a stream in both directions.
    Close {
        /// Stream id.
        stream: u32,
        /// Why; version 1 carries none.
        code: Option<TunnelCode>,
        /// For people; empty in version 1.
        text: String,
    },
    /// Refuses a CONNECT.
    Error {
        /// Stream id.
        stream: u32,
        /// Why; in version 1 read from the text when it starts with a known name.
        code: Option<TunnelCode>,
        /// For people.
        text: String,
    },
    /// Accepts a CONNECT.
    Connected {
        /// Stream id.
        stream: u32,
    },
    /// More bytes may be sent (version 2).
    Credit {
        /// Stream id.
        stream: u32,
        /// How many; never 0.
        bytes: u32,
    },
    /// The sender is done with this direction (version 2).
    Fin {
        /// Stream id.
        stream: u32,
    },
    /// Asks for a PONG (version 2).
    Ping(u64),
    /// Echoes a PING (version 2).
    Pong(u64),
    /// The first frame of each side (version 2).
    Hello(Hello),
    /// The relay will stop (version 2).
    Drain {
        /// Milliseconds until open streams are cut.
        grace_ms: u32,
        /// For people.
        text: String,
    },
    /// A frame to be skipped: in version 1 every unknown command, in version 2 commands 64 to 127.
    Ignored {
        /// The command.
        command: u8,
    },
}

/// A message that is no frame of the version in use. The connection is closed with 1002.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FrameFault {
    /// Shorter than the header.
    Short,
    /// A command that version 2 does not define and must not skip.
    UnknownCommand(u8),
    /// A payload of the wrong length or value for its command.
    BadPayload(u8),
    /// Stream 0 where a stream is needed, or another where 0 is needed.
    BadStream(u8),
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("message shorter than a frame header"),
            Self::UnknownCommand(command) => write!(f, "unknown command {command}"),
            Self::BadPayload(command) => write!(f, "bad payload of command {command}"),
            Self::BadStream(command) => write!(f, "bad stream id for command {command}"),
        }
    }
}

impl std::error::Error for FrameFault {}

/// Command and stream id of a message.
pub fn split_header(message: &[u8]) -> Result<(u8, u32, &[u8]), FrameFault> {
    match message {
        [command, a, b, c, d, payload @ ..] => Ok((*command, u32::from_be_bytes([*a, *b, *c, *d]), payload)),
        _ => Err(FrameFault::Short),
    }
}

/// The five bytes before a payload.
pub const fn header(command: u8, stream: u32) -> [u8; HEADER] {
    let [a, b, c, d] = stream.to_be_bytes();
    [command, a, b, c, d]
}

impl Frame {
    /// Reads a message.
    ///
    /// # Errors
    /// A [`FrameFault`] when the message is no frame of the version.
    pub fn decode(version: Version, message: &[u8]) -> Result<Self, FrameFault> {
        let (command, stream, payload) = split_header(message)?;
        Self::from_parts(version, command, stream, payload)
    }

    /// Reads a message whose header is already split off.
    pub(crate) fn from_parts(version: Version, command: u8, stream: u32, payload: &[u8]) -> Result<Self, FrameFault> {
        match version {
            Version::V1 => Ok(Self::first(command, stream, payload)),
            Version::V2 => Self::second(command, stream, payload),
        }
    }

    fn first(command: u8, stream: u32, payload: &[u8]) -> Self {
        match command {
            CONNECT => Self::Connect { stream, app: payload.to_vec() },
            DATA => Self::Data { stream, payload: payload.to_vec() },
            CLOSE => Self::Close { stream, code: None, text: String::new() },
            ERROR => {
                let text = String::from_utf8_lossy(payload);
                let named = text.split_once(": ").and_then(|(name, rest)| Some((TunnelCode::from_name(name)?, rest)));
                match named {
                    Some((code, rest)) => Self::Error { stream, code: Some(code), text: rest.to_owned() },
                    None => Self::Error { stream, code: None, text: text.into_owned() },
                }
            }
            CONNECTED => Self::Connected { stream },
            command => Self::Ignored { command },
        }
    }

    fn second(command: u8, stream: u32, payload: &[u8]) -> Result<Self, FrameFault> {
        let bad = FrameFault::BadPayload(command);
        let on_connection = matches!(command, PING | PONG | HELLO | DRAIN);
        if (CONNECT..=DRAIN).contains(&command) && on_connection != (stream == 0) {
            return Err(FrameFault::BadStream(command));
        }
        Ok(match command {
            CONNECT => Self::Connect { stream, app: payload.to_vec() },
            DATA if payload.is_empty() => return Err(bad),
            DATA => Self::Data { stream, payload: payload.to_vec() },
            CLOSE | ERROR => {
                let (code, text) = payload.split_at_checked(2).ok_or(bad)?;
                if text.len() > 255 {
                    return Err(bad);
                }
                let code = Some(TunnelCode::from_number(u16::from_be_bytes([code[0], code[1]])));
                let text = String::from_utf8_lossy(text).into_owned();
                if command == CLOSE { Self::Close { stream, code, text } } else { Self::Error { stream, code, text } }
            }
            CONNECTED if payload.is_empty() => Self::Connected { stream },
            FIN if payload.is_empty() => Self::Fin { stream },
            CONNECTED | FIN => return Err(bad),
            CREDIT => match payload.try_into().map(u32::from_be_bytes) {
                Ok(bytes) if bytes > 0 => Self::Credit { stream, bytes },
                _ => return Err(bad),
            },
            PING => Self::Ping(payload.try_into().map(u64::from_be_bytes).map_err(|_| bad)?),
            PONG => Self::Pong(payload.try_into().map(u64::from_be_bytes).map_err(|_| bad)?),
            HELLO => {
                let word = |at: usize| -> Result<u32, FrameFault> {
                    let bytes = payload.get(at * 4..at * 4 + 4).and_then(|b| b.try_into().ok()).ok_or(bad)?;
                    Ok(u32::from_be_bytes(bytes))
                };
                let hello = Hello { window: word(0)?, max_data: word(1)?, max_streams: word(2)?, flags: word(3)? };
                if hello.max_data == 0 {
                    return Err(bad);
                }
                Self::Hello(hello)
            }
            DRAIN => {
                let (grace, text) = payload.split_first_chunk::<4>().ok_or(bad)?;
                Self::Drain {
                    grace_ms: u32::from_be_bytes(*grace),
                    text: clipped(&String::from_utf8_lossy(text)).to_owned(),
                }
            }
            64..=127 => Self::Ignored { command },
            command => return Err(FrameFault::UnknownCommand(command)),
        })
    }

    /// Writes the message. Texts longer than 255 bytes are cut; what a version lacks is left out.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        match self {
            Self::Connect { stream, app } => {
                out.extend_from_slice(&header(CONNECT, *stream));
                out.extend_from_slice(app);
            }
            Self::Data { stream, payload } => {
                out.extend_from_slice(&header(DATA, *stream));
                out.extend_from_slice(payload);
            }
            Self::Close { stream, code, text } => {
                out.extend_from_slice(&header(CLOSE, *stream));
                if version == Version::V2 {
                    out.extend_from_slice(&code.unwrap_or(TunnelCode::Internal).number().to_be_bytes());
                    out.extend_from_slice(clipped(text).as_bytes());
                }
            }
            Self::Error { stream, code, text } => {
                out.extend_from_slice(&header(ERROR, *stream));
                match (version, code) {
                    (Version::V2, code) => {
                        out.extend_from_slice(&code.unwrap_or(TunnelCode::Internal).number().to_be_bytes());
                    }
                    (Version::V1, Some(code)) => {
                        out.extend_from_slice(code.name().as_bytes());
                        out.extend_from_slice(b": ");
                    }
                    (Version::V1, None) => {}
                }
                out.extend_from_slice(clipped(text).as_bytes());
            }
            Self::Connected { stream } => out.extend_from_slice(&header(CONNECTED, *stream)),
            Self::Credit { stream, bytes } => {
                out.extend_from_slice(&header(CREDIT, *stream));
                out.extend_from_slice(&bytes.to_be_bytes());
            }
            Self::Fin { stream } => out.extend_from_slice(&header(FIN, *stream)),
            Self::Ping(nonce) | Self::Pong(nonce) => {
                let command = if matches!(self, Self::Ping(_)) { PING } else { PONG };
                out.extend_from_slice(&header(command, 0));
                out.extend_from_slice(&nonce.to_be_bytes());
            }
            Self::Hello(hello) => {
                out.extend_from_slice(&header(HELLO, 0));
                for word in [hello.window, hello.max_data, hello.max_streams, hello.flags] {
                    out.extend_from_slice(&word.to_be_bytes());
                }
            }
            Self::Drain { grace_ms, text } => {
                out.extend_from_slice(&header(DRAIN, 0));
                out.extend_from_slice(&grace_ms.to_be_bytes());
                out.extend_from_slice(clipped(text).as_bytes());
            }
            Self::Ignored { command } => out.extend_from_slice(&header(*command, 0)),
        }
    }
}

#[cfg(test)]
mod tests;
