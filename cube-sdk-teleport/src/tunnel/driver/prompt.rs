//! Is there a stream on which somebody waits for little answers? While there is, less is done at once. Without I/O.

use std::time::Duration;

use tokio::time::Instant;

/// So many short reads in a row make a conversation: bulk begins with one or two.
const CONVERSATION: u8 = 4;

/// It goes on for so long after the last of them.
const MEMORY: Duration = Duration::from_secs(1);

/// The most at once meanwhile.
const MOST: usize = 64 * 1024;

/// Whoever is as far away waits for the line, not for this: more at once is then a full line and no later answer.
const FAR: Duration = Duration::from_millis(10);

/// When such a stream last spoke.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    last: Option<Instant>,
}

impl Prompt {
    /// A stream had little to say, for so many reads in a row. `round_trip` is the least one.
    pub(super) fn spoke(&mut self, now: Instant, short: u8, round_trip: Option<Duration>) {
        if short >= CONVERSATION && round_trip.is_none_or(|trip| trip < FAR) {
            self.last = Some(now);
        }
    }

    /// Does somebody wait?
    pub(super) fn is_there(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.duration_since(last) < MEMORY)
    }

    /// What may be done at once, where nobody waits as much as this.
    pub(super) fn bound(&self, now: Instant, most: usize) -> usize {
        if self.is_there(now) { most.min(MOST) } else { most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_done_at_once_while_a_conversation_goes_on() {
        let (mut prompt, start) = (Prompt::default(), Instant::now());
        for short in 0..CONVERSATION {
            prompt.spoke(start, short, None);
            assert_eq!(prompt.bound(start, 1 << 20), 1 << 20, "bulk that begins");
        }
        prompt.spoke(start, CONVERSATION, Some(FAR));
        assert_eq!(prompt.bound(start, 1 << 20), 1 << 20, "far away");
        prompt.spoke(start, CONVERSATION, Some(FAR / 2));
        assert_eq!(prompt.bound(start, 1 << 20), MOST);
        assert_eq!(prompt.bound(start, 4096), 4096, "a slow line does less anyway");
        assert!(prompt.is_there(start + MEMORY / 2));
        assert_eq!(prompt.bound(start + MEMORY, 1 << 20), 1 << 20);
    }
}
