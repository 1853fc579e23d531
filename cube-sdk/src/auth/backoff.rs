//! The waits between polls, as every published client has them.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const MORE: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);
/// When the waits sum to this, no further one begins. Only waits count, not the time that answers take.
const LIMIT: Duration = Duration::from_secs(120);

/// 0.5 s, 0.25 s more each time, at most 2 s, 120 s in all.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    waited: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST, waited: Duration::ZERO }
    }
}

impl Backoff {
    /// The next wait, at least as long as the server asked for; none when the time is over, or would be.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.waited >= LIMIT || asked.is_some_and(|asked| self.waited.saturating_add(asked) >= LIMIT) {
            return None;
        }
        let wait = self.next.max(asked.unwrap_or_default());
        self.next = (self.next + MORE).min(LONGEST);
        self.waited = self.waited.saturating_add(wait);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_sequence() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        let first: Vec<_> = waits.iter().take(8).map(Duration::as_secs_f64).collect();
        assert_eq!(first, [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.0]);
        assert_eq!(waits.len(), 63);
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_millis(120_750));
    }

    #[test]
    fn a_server_is_given_the_time_it_asks_for_unless_that_is_too_long() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(backoff.next(Some(Duration::from_millis(1))), Some(Duration::from_millis(750)));
        assert_eq!(backoff.next(Some(Duration::from_secs(113))), None);
        assert_eq!(backoff.next(Some(Duration::MAX)), None);
        assert_eq!(backoff.next(None), Some(Duration::from_secs(1)));
    }
}
