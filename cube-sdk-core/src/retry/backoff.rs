//! How long to wait between attempts.

use std::time::Duration;

/// Exponential back-off with full jitter: the wait before attempt n + 1 is drawn evenly from zero to
/// `base × 2^(n-1)`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl Default for Backoff {
    /// 100 ms, doubling, at most 10 s.
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// A back-off between `base` and `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The bound of the wait after attempt `attempt` (1 for the first).
    pub fn bound(&self, attempt: u32) -> Duration {
        let factor = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A random wait after attempt `attempt`.
    pub fn wait(&self, attempt: u32) -> Duration {
        portion(self.bound(attempt), fastrand::f64())
    }

    /// A random wait of at least half of the bound after attempt `attempt`: for servers that have too much to do.
    pub fn steady_wait(&self, attempt: u32) -> Duration {
        portion(self.bound(attempt), 0.5 + fastrand::f64() / 2.0)
    }
}

/// A share of a duration, however long it is.
fn portion(whole: Duration, share: f64) -> Duration {
    Duration::try_from_secs_f64(whole.as_secs_f64() * share).map_or(whole, |part| part.min(whole))
}
