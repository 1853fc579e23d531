//! What is told about streams and connections that ended.

use std::fmt;
use std::time::Duration;

use crate::app_name::AppName;
use crate::refusal::TunnelCode;

/// Which side cut a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Party {
    /// This end, or the local connection behind it.
    Local,
    /// The other end of the tunnel, or what is behind it.
    Remote,
    /// The connection between them.
    Connection,
}

/// How a stream ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// Both directions came to their end (version 1: one side closed).
    Completed,
    /// It was cut or refused.
    Cut {
        /// By whom.
        by: Party,
        /// Why.
        code: TunnelCode,
        /// For people; may be empty.
        message: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Cut { code, message, .. } if message.is_empty() => write!(f, "{code}"),
            Self::Cut { code, message, .. } => write!(f, "{code}: {message}"),
        }
    }
}

/// What a stream did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StreamReport {
    /// Its id on its connection.
    pub stream: u32,
    /// The app it was for.
    pub app: AppName,
    /// Payload bytes sent into the tunnel.
    pub sent: u64,
    /// Payload bytes that came out of the tunnel for this stream.
    pub received: u64,
    /// From CONNECT to the end.
    pub lasted: Duration,
    /// How it ended.
    pub ending: Ending,
}
