//! Counters: requests served and their rate, bytes sent, GETs in flight.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What the world has served; every number is live.
#[derive(Debug, Default)]
pub struct Traffic {
    in_flight: AtomicUsize,
    peak: AtomicUsize,
    bytes: AtomicU64,
    connections: AtomicU64,
    arrivals: Mutex<Arrivals>,
}

/// Requests by operation and by second since the start.
#[derive(Debug)]
struct Arrivals {
    started: Instant,
    by_operation: BTreeMap<String, Vec<u64>>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { started: Instant::now(), by_operation: BTreeMap::new() }
    }
}

impl Traffic {
    /// GetObject requests between their arrival and the end of their body.
    #[must_use]
    pub fn in_flight_gets(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// The most GetObject requests in flight at once since the start or the last [`Traffic::take_peak_gets`].
    #[must_use]
    pub fn peak_gets(&self) -> usize {
        self.peak.load(Ordering::Acquire)
    }

    /// Ends a window: its peak is returned, and the next window begins with what is in flight now.
    pub fn take_peak_gets(&self) -> usize {
        self.peak.swap(self.in_flight_gets(), Ordering::AcqRel)
    }

    /// Requests of one operation (`GetObject`, `AssumeRole`, …), successful or not, faults included.
    #[must_use]
    pub fn served(&self, operation: &str) -> u64 {
        self.per_second(operation).iter().sum()
    }

    /// Requests of one operation in each second since the world's start, by tokio's clock: the rate at which a client asks.
    #[must_use]
    pub fn per_second(&self, operation: &str) -> Vec<u64> {
        self.arrivals().by_operation.get(operation).cloned().unwrap_or_default()
    }

    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of object bodies handed to connections.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Connections accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }

    pub(crate) fn count(&self, operation: &str) {
        let mut arrivals = self.arrivals();
        let second = arrivals.started.elapsed().as_secs() as usize;
        let seconds = arrivals.by_operation.entry(operation.to_owned()).or_default();
        seconds.resize(seconds.len().max(second + 1), 0);
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::AcqRel);
    }

    pub(crate) fn add_connection(&self) {
        self.connections.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Ordering::AcqRel) + 1;
        self.peak.fetch_max(now, Ordering::AcqRel);
        InFlight(self.clone())
    }
}

/// One GET in flight, until dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Traffic>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
