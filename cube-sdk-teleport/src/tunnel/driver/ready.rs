//! Which of many sockets woke: one bit each, set by wakers, taken by the one task that drives them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

struct Shared {
    bits: Box<[AtomicU64]>,
    task: AtomicWaker,
}

/// The bits of one task.
pub(crate) struct ReadySet {
    shared: Arc<Shared>,
    wakers: Vec<Waker>,
    /// The word that is looked at first.
    first: usize,
}

struct Bell {
    index: usize,
    shared: Arc<Shared>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let bit = 1 << (self.index % 64);
        if let Some(word) = self.shared.bits.get(self.index / 64)
            && word.fetch_or(bit, Ordering::AcqRel) & bit == 0
        {
            self.shared.task.wake();
        }
    }
}

impl ReadySet {
    /// Room for `size` sockets.
    pub(crate) fn new(size: usize) -> Self {
        let bits = (0..size.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { shared: Arc::new(Shared { bits, task: AtomicWaker::new() }), wakers: Vec::new(), first: 0 }
    }

    /// Notes the task to wake. To be called first in every poll.
    pub(crate) fn register(&self, task: &Waker) {
        self.shared.task.register(task);
    }

    /// The waker that sets the bit `index`.
    pub(crate) fn waker(&mut self, index: usize) -> &Waker {
        while self.wakers.len() <= index {
            let bell = Bell { index: self.wakers.len(), shared: Arc::clone(&self.shared) };
            self.wakers.push(Waker::from(Arc::new(bell)));
        }
        &self.wakers[index]
    }

    /// Takes every set bit. Each time another is the first: the runtime lets a task poll only so many sockets before it
    /// makes them all wait, and it must not always be the same ones that do.
    pub(crate) fn take(&mut self, mut each: impl FnMut(usize)) {
        let words = self.shared.bits.len();
        self.first = self.first.wrapping_add(1);
        let turn = (self.first % 64) as u32;
        for step in 0..words {
            let at = (self.first / 64 + step) % words;
            let word = &self.shared.bits[at];
            if word.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = word.swap(0, Ordering::AcqRel).rotate_right(turn);
            while bits != 0 {
                each(at * 64 + ((bits.trailing_zeros() + turn) % 64) as usize);
                bits &= bits - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bell_rings_once_until_taken() {
        let mut set = ReadySet::new(130);
        for index in [0, 64, 129, 129] {
            set.waker(index).wake_by_ref();
        }
        let mut seen = Vec::new();
        set.take(|index| seen.push(index));
        seen.sort_unstable();
        assert_eq!(seen, [0, 64, 129]);
        set.take(|index| seen.push(index));
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn each_bell_is_first_in_its_turn() {
        for size in [3, 64, 200] {
            let mut set = ReadySet::new(size);
            let mut firsts = std::collections::BTreeSet::new();
            for _ in 0..size.div_ceil(64) * 64 {
                (0..size).for_each(|index| set.waker(index).wake_by_ref());
                let mut seen = Vec::new();
                set.take(|index| seen.push(index));
                firsts.insert(seen[0]);
                seen.sort_unstable();
                assert_eq!(seen, (0..size).collect::<Vec<_>>(), "each once");
            }
            assert_eq!(firsts.len(), size, "of {size}");
        }
    }
}
