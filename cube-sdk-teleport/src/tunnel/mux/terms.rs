//! What differs by version and role, in one table.

use std::time::Duration;

use super::Role;
use crate::tunnel::codec::frame::{HEADER, V1_MAX_MESSAGE, Version};

/// Clocks of one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// Ping after this much silence.
    pub(crate) quiet: Duration,
    /// Dead after this long without a byte.
    pub(crate) dead: Duration,
    /// Ping this often while credit is short; none in version 1, which has no credit.
    pub(crate) busy: Option<Duration>,
}

/// The brake of version 1, which has no credit: a full queue holds back the whole WebSocket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brake {
    /// What a stream may queue before that; with room for the pieces of one read it stays below 1 MiB.
    pub(crate) full: usize,
    /// A full stream whose consumer takes no byte for this long is closed alone. It stays well below the 20 s that the
    /// published agent waits for a pong.
    pub(crate) stall: Duration,
    /// The same where no other stream is held back: then only the pong counts. A kernel may tell of what a slow reader
    /// took in steps of its whole buffer, and they take their time.
    pub(crate) stall_alone: Duration,
}

/// The terms of one end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) version: Version,
    pub(crate) role: Role,
    /// HELLO comes first, and what the rules do not know breaks the connection. Else it is passed over.
    pub(crate) strict: bool,
    /// Bytes need credit.
    pub(crate) credit: bool,
    /// One direction can end alone. Else the end of one is that of both, and what the local side still sends is lost.
    pub(crate) halves: bool,
    /// An end says why.
    pub(crate) says_why: bool,
    /// Bytes may be sent before CONNECTED.
    pub(crate) early_data: bool,
    /// The longest payload to send, whatever the peer's HELLO says.
    pub(crate) most_data: usize,
    /// Pings are those of the WebSocket.
    pub(crate) websocket_pings: bool,
    pub(crate) clocks: Clocks,
    pub(crate) brake: Option<Brake>,
}

const V1: Terms = Terms {
    version: Version::V1,
    role: Role::Relay,
    strict: false,
    credit: false,
    halves: false,
    says_why: false,
    early_data: false,
    most_data: V1_MAX_MESSAGE - HEADER,
    websocket_pings: true,
    clocks: Clocks { quiet: Duration::from_secs(20), dead: Duration::from_secs(40), busy: None },
    brake: Some(Brake {
        full: (1 << 20) - 128 * 1024,
        stall: Duration::from_secs(5),
        stall_alone: Duration::from_secs(19),
    }),
};

const V2: Terms = Terms {
    version: Version::V2,
    role: Role::Relay,
    strict: true,
    credit: true,
    halves: true,
    says_why: true,
    early_data: false,
    most_data: usize::MAX,
    websocket_pings: false,
    clocks: Clocks {
        quiet: Duration::from_secs(15),
        dead: Duration::from_secs(45),
        busy: Some(Duration::from_secs(1)),
    },
    brake: None,
};

impl Terms {
    pub(crate) const fn of(role: Role, version: Version) -> Self {
        match (version, role) {
            // What the published agent sends at most is all that a published relay is known to accept.
            (Version::V1, Role::Agent) => Self { role, most_data: 32 * 1024, ..V1 },
            (Version::V1, Role::Relay) => V1,
            (Version::V2, Role::Agent) => Self { role, early_data: true, ..V2 },
            (Version::V2, Role::Relay) => V2,
        }
    }
}
