//! Sums of times that never overflow.

use std::time::Duration;

/// As good as never: 30 years. Sums with it fit into every clock.
pub const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// `at` plus `wait`, where a wait of more than [`NEVER`] is `NEVER`: the sum of a point in time and a duration that
/// someone else chose. A plain `+` panics where the clock ends.
///
/// ```
/// use std::time::Duration;
/// use cube_sdk_core::clock::later;
/// let now = tokio::time::Instant::now();
/// assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
/// assert!(later(later(now, Duration::MAX), Duration::MAX) > now);
/// let std = std::time::Instant::now();
/// assert!(later(std, Duration::MAX) > std);
/// ```
pub fn later<I: Moment>(at: I, wait: Duration) -> I {
    at.checked_later(wait.min(NEVER)).unwrap_or(at)
}

/// A point of a clock that only goes forward.
pub trait Moment: Copy {
    /// This plus a duration; none where the clock ends.
    fn checked_later(self, wait: Duration) -> Option<Self>;
}

impl Moment for tokio::time::Instant {
    fn checked_later(self, wait: Duration) -> Option<Self> {
        self.checked_add(wait)
    }
}

impl Moment for std::time::Instant {
    fn checked_later(self, wait: Duration) -> Option<Self> {
        self.checked_add(wait)
    }
}
