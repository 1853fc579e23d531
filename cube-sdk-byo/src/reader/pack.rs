//! Keeps what waits in memory close to what is accounted for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::session::READ_SIZE;

/// A chunk at least this long fills its allocation well enough to wait as it is. A shorter one keeps
/// [`READ_SIZE`] bytes alive whatever its length, so it is copied behind its predecessors instead. On a fast
/// connection reads are full and nothing is copied.
const FULL: usize = READ_SIZE / 8 * 7;

/// A caller that waits is woken at most this often, unless [`WORTH_WAKING`] bytes are there: on a fast connection
/// one wake for each read costs more than the read.
pub(crate) const WAKE_PAUSE: Duration = Duration::from_millis(1);

/// So many bytes are worth waking the caller at once.
const WORTH_WAKING: usize = 4 * READ_SIZE;

/// Collects chunks of one part: short ones into blocks, and those that a waiting caller can get together.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    held: Vec<Bytes>,
    held_bytes: usize,
    block: BytesMut,
    woken: Option<Instant>,
}

impl Pack {
    /// Takes a chunk, and hands on what need not or cannot wait any longer. `hungry` is a caller who has had
    /// everything before these bytes.
    pub(crate) fn put(&mut self, chunk: Bytes, hungry: bool, hand_on: impl FnMut(Bytes)) {
        let gather = hungry && self.len() + chunk.len() < WORTH_WAKING && self.was_woken_just_now();
        if chunk.len() >= FULL || (hungry && !gather) {
            self.seal();
            self.hold(chunk);
        } else {
            self.copy(&chunk);
        }
        if !gather {
            self.woken = hungry.then(Instant::now);
            self.release(hand_on);
        }
    }

    fn was_woken_just_now(&self) -> bool {
        self.woken.is_some_and(|at| at.elapsed() < WAKE_PAUSE)
    }

    /// Blocks are filled to the brim: allocations of one size leave no holes in the heap when they are freed.
    fn copy(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            if self.block.capacity() == 0 {
                self.block.reserve(READ_SIZE);
            }
            let (head, tail) = rest.split_at(rest.len().min(READ_SIZE - self.block.len()));
            self.block.extend_from_slice(head);
            rest = tail;
            if self.block.len() == READ_SIZE {
                self.seal();
            }
        }
    }

    fn hold(&mut self, chunk: Bytes) {
        self.held_bytes += chunk.len();
        self.held.push(chunk);
    }

    /// Ends the block, in an allocation of its own size when it is short.
    fn seal(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let block = std::mem::take(&mut self.block);
        self.hold(if block.len() >= FULL { block.freeze() } else { Bytes::copy_from_slice(&block) });
    }

    fn release(&mut self, hand_on: impl FnMut(Bytes)) {
        self.held_bytes = 0;
        self.held.drain(..).for_each(hand_on);
    }

    /// Hands on everything.
    pub(crate) fn flush(&mut self, hand_on: impl FnMut(Bytes)) {
        self.seal();
        self.release(hand_on);
    }

    pub(crate) fn len(&self) -> usize {
        self.held_bytes + self.block.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_and_content_stay(sizes in proptest::collection::vec((1usize..READ_SIZE, any::<bool>()), 1..40)) {
            let (mut pack, mut out, mut all) = (Pack::default(), Vec::new(), Vec::new());
            let mut alive = 0usize;
            for (turn, (size, hungry)) in sizes.into_iter().enumerate() {
                let chunk = Bytes::from(vec![turn as u8; size]);
                all.extend_from_slice(&chunk);
                pack.put(chunk, hungry, |chunk| {
                    alive += READ_SIZE.min(chunk.len() * 8 / 7 + 1);
                    out.extend_from_slice(&chunk);
                });
            }
            pack.flush(|chunk| out.extend_from_slice(&chunk));
            prop_assert_eq!(pack.len(), 0);
            prop_assert!(alive <= all.len() * 8 / 7 + 40);
            prop_assert_eq!(out, all);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_caller_is_woken_for_the_first_bytes_then_for_many_or_after_a_pause() {
        let chunk = || Bytes::from(vec![0; READ_SIZE]);
        let mut pack = Pack::default();
        let mut put = |hungry| {
            let mut handed_on = 0;
            pack.put(chunk(), hungry, |_| handed_on += 1);
            handed_on
        };
        assert_eq!([put(true), put(true), put(true), put(true), put(true)], [1, 0, 0, 0, 4]);
        assert_eq!(put(true), 0);
        tokio::time::advance(WAKE_PAUSE).await;
        assert_eq!(put(true), 2);
        // A caller that is behind is not woken by what is handed on.
        assert_eq!([put(false), put(false)], [1, 1]);
    }
}
