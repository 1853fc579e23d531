//! What a reader tells while it runs.

use std::time::Duration;

use cube_sdk_core::ErrorKind;

use crate::digest::Sha256;

/// Something worth showing. Events come on the reader's own tasks: a callback must be quick.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReaderEvent {
    /// The object is found; its first bytes follow.
    Opened {
        /// Bytes of the whole object.
        size: u64,
        /// Bytes that will be delivered.
        wanted: u64,
    },
    /// Some 40 times a second while bytes move.
    Progress(ReaderStats),
    /// A part broke and is resumed at its last byte.
    Resumed {
        /// The offset within the object at which it goes on.
        offset: u64,
        /// What broke it.
        kind: ErrorKind,
    },
    /// The server asked for fewer requests.
    SlowDown {
        /// How many are allowed from now on.
        target: usize,
    },
    /// Every byte is delivered to the digest, and it is the expected one or none was expected.
    Verified {
        /// The digest of the bytes.
        sha256: Sha256,
    },
}

/// Figures of a running reader.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ReaderStats {
    /// Bytes that came over the network.
    pub received: u64,
    /// Bytes that the caller took.
    pub delivered: u64,
    /// Bytes to deliver in all.
    pub wanted: u64,
    /// Bytes reserved for parts in flight, or waiting for the caller: never above the budget.
    pub accounted: u64,
    /// Parts in flight.
    pub in_flight: usize,
    /// Parts that may be in flight.
    pub target: usize,
    /// GET requests made, repetitions included.
    pub requests: u64,
    /// Bodies that broke and were resumed.
    pub resumed: u64,
    /// Since the reader was opened.
    pub elapsed: Duration,
}
