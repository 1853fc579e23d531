//! What a caller can do about an error.

use std::fmt;

/// The kind of an [`Error`](super::Error): one per thing that a caller would do differently.
///
/// Each variant says when it occurs, what to do, and whether the SDK repeats the call by itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or contradicts another; the text names the key and where it came from.
    /// Fix the setting. Never repeated.
    Config,
    /// A value was refused before anything was sent, or the server answered 400 or 422.
    /// Fix the value. Never repeated.
    InvalidInput,
    /// The server or this build lacks what was asked for.
    /// Use another call, enable the feature, or update. Never repeated.
    Unsupported,
    /// Credentials could not be obtained (file unreadable, token endpoint refused).
    /// See the cause. Repeated when the cause is: [`Error::is_transient`](super::Error::is_transient) tells.
    Credentials,
    /// 401: key missing, expired, revoked, or the client certificate was refused.
    /// Log in again or replace the key. Repeated once, with fresh credentials.
    Unauthenticated,
    /// 403: policy says no. Ask for the permission; the text or fault names it. Never repeated.
    PermissionDenied,
    /// 402: the plan does not include the feature. Never repeated.
    PlanRequired,
    /// 404: no such thing, or it is hidden from this caller. Never repeated.
    NotFound,
    /// 409 or 412: it exists already, is still referenced, or changed meanwhile.
    /// Read the current state and decide. Never repeated.
    Conflict,
    /// 429 or S3's SlowDown. Repeated after the time that the server named
    /// ([`Error::retry_after`](super::Error::retry_after)).
    Throttled,
    /// 502, 503 or 504. Repeated when the operation may be sent twice.
    Unavailable,
    /// Another 5xx, or a GraphQL internal error. Repeated when the operation may be sent twice,
    /// at most three attempts.
    Server,
    /// DNS, TCP, TLS or a proxy failed: nothing was sent. Repeated for every operation, unless it is certain to end
    /// alike: a certificate that is not trusted.
    Connect,
    /// The connection broke after bytes went out; the server may have acted.
    /// Repeated when the operation may be sent twice.
    Transport,
    /// A clock ran out: [`Error::clock`](super::Error::clock) names which of ours, none when it was the server's. Repeated when the operation may be sent twice,
    /// except when it was the deadline of the whole call.
    Timeout,
    /// A tunnel or stream ended; the reason is inside. Open a new one. Never repeated.
    Closed,
    /// A success whose body cannot be read; the text names the field.
    /// Update the SDK, or report it with the request id. Never repeated.
    Decode,
    /// A digest, length or etag does not match: the bytes are not the ones that were asked for.
    /// Reads are repeated once from scratch where the caller saw nothing yet.
    Integrity,
    /// The peer broke the rules of the protocol. Never repeated.
    Protocol,
    /// A local file or socket of the user failed. Never repeated.
    Io,
    /// The caller stopped the call. Never repeated.
    Cancelled,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 21] = [
        Self::Config,
        Self::InvalidInput,
        Self::Unsupported,
        Self::Credentials,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::PlanRequired,
        Self::NotFound,
        Self::Conflict,
        Self::Throttled,
        Self::Unavailable,
        Self::Server,
        Self::Connect,
        Self::Transport,
        Self::Timeout,
        Self::Closed,
        Self::Decode,
        Self::Integrity,
        Self::Protocol,
        Self::Io,
        Self::Cancelled,
    ];

    /// The kind's name, as in the source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "Config",
            Self::InvalidInput => "InvalidInput",
            Self::Unsupported => "Unsupported",
            Self::Credentials => "Credentials",
            Self::Unauthenticated => "Unauthenticated",
            Self::PermissionDenied => "PermissionDenied",
            Self::PlanRequired => "PlanRequired",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
            Self::Server => "Server",
            Self::Connect => "Connect",
            Self::Transport => "Transport",
            Self::Timeout => "Timeout",
            Self::Closed => "Closed",
            Self::Decode => "Decode",
            Self::Integrity => "Integrity",
            Self::Protocol => "Protocol",
            Self::Io => "Io",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The exit code that command line programs end with.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Config | Self::InvalidInput => 2,
            Self::Unsupported => 3,
            Self::Credentials | Self::Unauthenticated => 4,
            Self::PermissionDenied | Self::PlanRequired => 5,
            Self::NotFound => 6,
            Self::Conflict => 7,
            Self::Throttled | Self::Unavailable => 8,
            Self::Server => 9,
            Self::Connect | Self::Transport => 10,
            Self::Timeout => 11,
            Self::Closed => 12,
            Self::Decode | Self::Integrity | Self::Protocol => 13,
            Self::Io => 14,
            Self::Cancelled => 130,
        }
    }

    /// In words: when the SDK repeats a call that ended so.
    pub const fn retried(self) -> &'static str {
        match self {
            Self::Throttled | Self::Connect => "yes",
            Self::Unavailable | Self::Transport | Self::Timeout => "if repeatable",
            Self::Server => "if repeatable, 3 attempts",
            Self::Unauthenticated => "once, with fresh credentials",
            Self::Credentials => "by cause",
            Self::Integrity => "reads once from scratch, where the caller saw nothing",
            _ => "never",
        }
    }

    /// The words that stand in an error's line when it has no message of its own.
    pub(crate) const fn phrase(self) -> &'static str {
        match self {
            Self::Config => "bad configuration",
            Self::InvalidInput => "input refused",
            Self::Unsupported => "not supported",
            Self::Credentials => "no credentials",
            Self::Unauthenticated => "not authenticated",
            Self::PermissionDenied => "permission denied",
            Self::PlanRequired => "not in this plan",
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Unavailable => "service unavailable",
            Self::Server => "server fault",
            Self::Connect => "could not connect",
            Self::Transport => "connection broke",
            Self::Timeout => "timed out",
            Self::Closed => "closed",
            Self::Decode => "unreadable reply",
            Self::Integrity => "integrity check failed",
            Self::Protocol => "protocol violation",
            Self::Io => "local i/o failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
