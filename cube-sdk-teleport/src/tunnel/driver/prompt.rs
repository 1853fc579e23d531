//! Is there a stream on which somebody waits for little answers? While there is, less is done at once. Without I/O.

use std::time::Duration;

use tokio::time::Instant;

/// So many short reads in a row make a conversation: bulk begins with one or two.
const CONVERSATION: u8 = 4;

/// It goes on for so long after the last of them.
const MEMORY: Duration = Duration::from_secs(1);

/// The most at once meanwhile.
const MOST: usize = 64 * 1024;

/// When such a stream last spoke.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    last: Option<Instant>,
}

impl Prompt {
    /// A stream had little to say, for so many reads in a row.
    pub(super) fn spoke(&mut self, now: Instant, short: u8) {
        if short >= CONVERSATION {
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
            prompt.spoke(start, short);
            assert_eq!(prompt.bound(start, 1 << 20), 1 << 20, "bulk that begins");
        }
        prompt.spoke(start, CONVERSATION);
        assert_eq!(prompt.bound(start, 1 << 20), MOST);
        assert_eq!(prompt.bound(start, 4096), 4096, "a slow line does less anyway");
        assert!(prompt.is_there(start + MEMORY / 2));
        assert_eq!(prompt.bound(start + MEMORY, 1 << 20), 1 << 20);
    }
}
