//! Why a stream or a caller is refused, or ends: the codes of the wire and their kinds.

use std::fmt;

use cube_sdk_core::ErrorKind;

/// A refusal or an ending, as numbered in CLOSE and ERROR frames of version 2.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TunnelCode {
    /// The key is missing, unknown, revoked or expired. HTTP 401 only; it has no number on the wire.
    BadKey,
    /// 1: no app of that name is registered.
    UnknownApp,
    /// 2: the caller may not reach the app.
    Forbidden,
    /// 3: the key was revoked or expired while the connection was open.
    Expired,
    /// 4: the app could not be reached.
    Unreachable,
    /// 5: no answer within the dial limit.
    DialTimeout,
    /// 6: the relay lacks the credential to dial with.
    NoCredential,
    /// 7: the app, or what stands before it, refused.
    RefusedUpstream,
    /// 8: the name in CONNECT is empty, too long or not UTF-8.
    BadName,
    /// 9: a limit on streams or connections is reached.
    Busy,
    /// 10: the relay is about to stop.
    Draining,
    /// 11: the consumer took no byte for too long.
    Stalled,
    /// 12: no byte either way for the idle limit.
    Idle,
    /// 13: the local connection was reset.
    PeerReset,
    /// 14: stopped on this side's request.
    Stopped,
    /// 15: the connection below the stream was lost.
    ConnectionLost,
    /// 16: a fault of the implementation.
    Internal,
    /// A number that this build does not know.
    Other(u16),
}

impl TunnelCode {
    /// Every numbered code, in order.
    pub const NUMBERED: [Self; 16] = [
        Self::UnknownApp,
        Self::Forbidden,
        Self::Expired,
        Self::Unreachable,
        Self::DialTimeout,
        Self::NoCredential,
        Self::RefusedUpstream,
        Self::BadName,
        Self::Busy,
        Self::Draining,
        Self::Stalled,
        Self::Idle,
        Self::PeerReset,
        Self::Stopped,
        Self::ConnectionLost,
        Self::Internal,
    ];

    /// The number in the frame. `BadKey` never stands in one and reads as `forbidden`.
    pub fn number(self) -> u16 {
        match self {
            Self::BadKey => Self::Forbidden.number(),
            Self::Other(number) => number,
            code => Self::NUMBERED.iter().position(|c| *c == code).map_or(16, |at| at as u16 + 1),
        }
    }

    /// The code behind a number.
    pub fn from_number(number: u16) -> Self {
        Self::NUMBERED.get(usize::from(number).wrapping_sub(1)).copied().unwrap_or(Self::Other(number))
    }

    /// The name, as in the table of the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::UnknownApp => "unknown_app",
            Self::Forbidden => "forbidden",
            Self::Expired => "expired",
            Self::Unreachable => "unreachable",
            Self::DialTimeout => "dial_timeout",
            Self::NoCredential => "no_credential",
            Self::RefusedUpstream => "refused_upstream",
            Self::BadName => "bad_name",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::Stalled => "stalled",
            Self::Idle => "idle",
            Self::PeerReset => "peer_reset",
            Self::Stopped => "stopped",
            Self::ConnectionLost => "connection_lost",
            Self::Internal => "internal",
            Self::Other(_) => "other",
        }
    }

    /// The code behind a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NUMBERED.into_iter().chain([Self::BadKey]).find(|code| code.name() == name)
    }

    /// What a caller can do about it.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::BadKey | Self::Expired => ErrorKind::Unauthenticated,
            Self::UnknownApp => ErrorKind::NotFound,
            Self::Forbidden => ErrorKind::PermissionDenied,
            Self::Unreachable | Self::RefusedUpstream | Self::Draining => ErrorKind::Unavailable,
            Self::DialTimeout => ErrorKind::Timeout,
            Self::NoCredential => ErrorKind::Credentials,
            Self::BadName => ErrorKind::InvalidInput,
            Self::Busy => ErrorKind::Throttled,
            Self::Internal => ErrorKind::Server,
            Self::Stalled | Self::Idle | Self::PeerReset | Self::Stopped | Self::ConnectionLost | Self::Other(_) => {
                ErrorKind::Closed
            }
        }
    }

    /// The HTTP status of a refusal before the connection is upgraded.
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::BadKey | Self::Expired => http::StatusCode::UNAUTHORIZED,
            Self::Forbidden => http::StatusCode::FORBIDDEN,
            Self::Busy => http::StatusCode::TOO_MANY_REQUESTS,
            Self::Draining | Self::Unreachable => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::BadName => http::StatusCode::BAD_REQUEST,
            _ => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for TunnelCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(number) => write!(f, "code {number}"),
            code => f.write_str(code.name()),
        }
    }
}

/// A refusal with its text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// Why.
    pub code: TunnelCode,
    /// For people; at most 255 bytes reach the wire. It must hold no secret.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: TunnelCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() { write!(f, "{}", self.code) } else { write!(f, "{}: {}", self.code, self.message) }
    }
}

/// Cuts a text to at most 255 bytes at a character boundary.
pub(crate) fn clipped(text: &str) -> &str {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_come_back() {
        for (at, code) in TunnelCode::NUMBERED.into_iter().enumerate() {
            assert_eq!(code.number() as usize, at + 1);
            assert_eq!(TunnelCode::from_number(code.number()), code);
            assert_eq!(TunnelCode::from_name(code.name()), Some(code));
        }
        assert_eq!(TunnelCode::from_number(0), TunnelCode::Other(0));
        assert_eq!(TunnelCode::from_number(17), TunnelCode::Other(17));
        assert_eq!(TunnelCode::Other(17).kind(), ErrorKind::Closed);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(clipped(&"é".repeat(200)).len(), 254);
        assert_eq!(clipped("short"), "short");
    }
}
