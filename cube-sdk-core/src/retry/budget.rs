//! A bound on retries over all calls, so that an outage is not answered with a storm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens shared by the calls of one client: a retry costs one, ten successes earn one back.
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Tokens>);

#[derive(Debug)]
struct Tokens {
    tenths: AtomicU32,
    capacity: u32,
}

impl Default for RetryBudget {
    /// 100 retries.
    fn default() -> Self {
        Self::new(100)
    }
}

impl RetryBudget {
    /// A full budget of `retries`.
    pub fn new(retries: u32) -> Self {
        let capacity = retries.saturating_mul(10);
        Self(Arc::new(Tokens { tenths: AtomicU32::new(capacity), capacity }))
    }

    /// Retries left.
    pub fn left(&self) -> u32 {
        self.0.tenths.load(Ordering::Relaxed) / 10
    }

    /// Takes one retry; false when none is left.
    pub(crate) fn spend(&self) -> bool {
        self.0.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |t| t.checked_sub(10)).is_ok()
    }

    /// Notes one success.
    pub(crate) fn earn(&self) {
        let capacity = self.0.capacity;
        let _ = self.0.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |t| (t < capacity).then_some(t + 1));
    }
}
