//! Figures of running connections, kept by the task that moves the bytes and read by handles.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cube_sdk_core::metrics::{self, Direction};

/// Counters that one or more connections add to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
    streams: AtomicU64,
    opened: AtomicU64,
    queued: AtomicU64,
    granted: AtomicU64,
    round_trip_ns: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, bytes: u64) {
        metrics::tunnel_bytes(Direction::Transmit, bytes);
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        metrics::tunnel_bytes(Direction::Receive, bytes);
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn stream_opened(&self) {
        metrics::tunnel_streams(1);
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stream_ended(&self) {
        metrics::tunnel_streams(-1);
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn queued(&self, bytes: u64) {
        self.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn unqueued(&self, bytes: u64) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The windows of one connection changed from `before` to `now`.
    pub(crate) fn granted(&self, before: u64, now: u64) {
        self.granted.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    pub(crate) fn round_trip(&self, trip: Duration) {
        self.round_trip_ns.store(u64::try_from(trip.as_nanos()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let trip = self.round_trip_ns.load(Ordering::Relaxed);
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            streams: self.streams.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            queued: self.queued.load(Ordering::Relaxed),
            granted: self.granted.load(Ordering::Relaxed),
            round_trip: (trip > 0).then(|| Duration::from_nanos(trip)),
        }
    }
}

/// What moved, at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Payload bytes sent into the tunnel.
    pub sent: u64,
    /// Payload bytes that came out of it.
    pub received: u64,
    /// Streams open or opening.
    pub streams: u64,
    /// Streams ever opened.
    pub opened: u64,
    /// Bytes that came out of the tunnel and wait for their consumers.
    pub queued: u64,
    /// The bound of `queued` in version 2: the windows of all streams, as they have grown. Version 1 has none, and
    /// 0 here; it holds up to 1 MiB for each stream.
    pub granted: u64,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
}
