//! Credit of one stream in one direction, as its receiver grants it.

use std::time::Duration;

use tokio::time::Instant;

use super::path::Path;

/// No window grows beyond this.
pub(crate) const WINDOW_CAP: u64 = 16 << 20;

/// What all windows of a connection may grow by together.
pub(crate) const GROWTH_PER_CONNECTION: u64 = 32 << 20;

/// Credit is returned once half a window was written to the consumer, or this much of a large one: waiting for
/// 8 MiB would idle a sender whose window is hardly larger than what is under way.
const RETURN_AT_MOST: u64 = 1 << 20;

/// The same where the round trip is long: what is kept is missing on the way, and a lump of credit makes one of bytes.
const RETURN_AT_MOST_FAR: u64 = 256 << 10;

/// On a long path an eighth is waited for: what comes back late idles the sender, and the line with it.
const LONG_PART: u64 = 8;

/// The receiver's side of a credit window: as large as twice of what comes in one round trip at rest.
///
/// What was granted is never taken back. A window gets smaller by returning less than was written.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The window's size now.
    size: u64,
    /// The size it opened with, below which it never is.
    opened_at: u64,
    /// The size that it gets smaller to.
    goal: u64,
    /// Bytes that the sender may still send.
    outstanding: u64,
    /// Bytes written to the consumer and not yet given back.
    unreturned: u64,
    /// When the round trip began that is counted now, and what was written in it.
    round: Option<(Instant, u64)>,
}

impl Receiver {
    pub(crate) fn new(window: u32) -> Self {
        let size = u64::from(window);
        Self { size, opened_at: size, goal: size, outstanding: size, unreturned: 0, round: None }
    }

    /// DATA came in. False when the sender had no credit for it.
    pub(crate) fn received(&mut self, now: Instant, bytes: u64) -> bool {
        if bytes > self.outstanding {
            return false;
        }
        self.outstanding -= bytes;
        self.round.get_or_insert((now, 0));
        true
    }

    /// The consumer took bytes. Gives the credit to send now, if any; `growth` is what the connection's windows
    /// may still grow by.
    pub(crate) fn written(&mut self, now: Instant, bytes: u64, path: &Path, growth: &mut u64) -> Option<u32> {
        self.unreturned += bytes;
        let grown = self.follow(now, bytes, path, growth);
        let (part, most) = if path.is_long() { (LONG_PART, RETURN_AT_MOST_FAR) } else { (2, RETURN_AT_MOST) };
        if grown == 0 && self.unreturned < (self.size / part).clamp(1, most) {
            return None;
        }
        let kept = self.unreturned.min(self.size.saturating_sub(self.goal));
        self.size -= kept;
        *growth += kept;
        let credit = self.unreturned - kept + grown;
        self.unreturned = 0;
        self.outstanding += credit;
        u32::try_from(credit).ok().filter(|credit| *credit > 0)
    }

    /// Counts a round trip; at its end the window follows. Gives what it grew by.
    fn follow(&mut self, now: Instant, bytes: u64, path: &Path, growth: &mut u64) -> u64 {
        let (Some((since, written)), Some(span)) = (&mut self.round, path.span()) else { return 0 };
        *written += bytes;
        let took = now.duration_since(*since);
        if took < span {
            return 0;
        }
        let wanted = twice(*written, span, took);
        self.round = Some((now, 0));
        if !path.is_calm() {
            // The queue is ours: less is promised from now on. By halves, since a pause looks like a slow consumer.
            self.goal = wanted.max(self.size / 2).max(self.opened_at).min(self.size);
            return 0;
        }
        self.goal = self.size;
        let most = self.size.saturating_mul(2).min(WINDOW_CAP).min(self.size.saturating_add(*growth));
        let grown = wanted.min(most).saturating_sub(self.size);
        // A little more is not worth a frame, but for the last: nothing follows it, and a line may be short of just that.
        if grown == 0 || (grown < self.size / 4 && self.size + grown < most) {
            return 0;
        }
        *growth -= grown;
        self.size += grown;
        self.goal = self.size;
        grown
    }

    /// What the window grew by: given back to the connection when the stream ends.
    pub(crate) fn growth(&self) -> u64 {
        self.size - self.opened_at
    }

    /// The window's size: what may be under way and wait here together.
    pub(crate) fn granted(&self) -> u64 {
        self.size
    }

    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

/// Twice of what `bytes` in `took` come to in `span`.
fn twice(bytes: u64, span: Duration, took: Duration) -> u64 {
    let all = 2 * u128::from(bytes) * span.as_nanos() / took.as_nanos().max(1);
    u64::try_from(all).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
