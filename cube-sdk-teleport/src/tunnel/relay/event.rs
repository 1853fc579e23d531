//! What a relay tells of itself.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::app_name::AppName;
use crate::refusal::Refusal;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::driver::ConnectionEnd;
use crate::tunnel::report::StreamReport;

/// What happens at a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RelayEvent {
    /// A connection ended before its request was complete: too slow, no TLS, no HTTP.
    HandshakeFailed {
        /// From where.
        peer: SocketAddr,
        /// For people.
        reason: String,
    },
    /// A request was not upgraded.
    Refused {
        /// From where.
        peer: SocketAddr,
        /// The HTTP status.
        status: u16,
        /// The code in the body.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// A connection began.
    Connected {
        /// Its number.
        connection: u64,
        /// The caller's id.
        caller: Arc<str>,
        /// From where.
        peer: SocketAddr,
        /// The version spoken.
        version: Version,
    },
    /// A stream was dialled.
    StreamOpened {
        /// The connection.
        connection: u64,
        /// The stream.
        stream: u32,
        /// The app.
        app: AppName,
    },
    /// A CONNECT got no stream: its name is none, the limit is reached, or the relay is about to stop.
    StreamRefused {
        /// The connection.
        connection: u64,
        /// The stream.
        stream: u32,
        /// Why.
        refusal: Refusal,
    },
    /// A stream ended, or was refused by the authorizer or the dialer.
    StreamEnded {
        /// The connection.
        connection: u64,
        /// What it did.
        report: StreamReport,
    },
    /// A connection ended.
    Disconnected {
        /// Its number.
        connection: u64,
        /// How.
        end: ConnectionEnd,
    },
    /// The listener was too slow: so many events were dropped.
    Missed(u64),
}
