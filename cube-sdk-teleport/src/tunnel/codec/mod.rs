//! From bytes to tunnel frames and back: RFC 6455 framing and the tunnel's own in one pass, without I/O.
//!
//! Payload bytes are touched once: the decoder hands on pieces of a message as they arrive, the outbox lets sockets be
//! read into the place that they are written from, and puts headers in front.
//! No extension is ever negotiated, so the reserved bits are always an error.

pub(crate) mod decode;
pub(crate) mod encode;
pub mod frame;
pub(crate) mod mask;
pub(crate) mod outbox;

use std::fmt;

/// Opcodes.
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Which end of the WebSocket this is: a client masks, a server wants masked frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Why a connection is closed: the WebSocket code and the reason, both as sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Breach {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Breach {
    /// 1002: the peer broke the rules.
    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self { code: 1002, reason: reason.into() }
    }

    /// 1009: a message is longer than announced.
    pub(crate) fn too_big(limit: usize) -> Self {
        Self { code: 1009, reason: format!("message longer than {limit} bytes") }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (websocket code {})", self.reason, self.code)
    }
}
