//! One memory budget for everything between the sockets and the caller.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Bytes reserved before they are read, and released as the caller takes them.
#[derive(Debug)]
pub(crate) struct Budget {
    capacity: AtomicU64,
    used: AtomicU64,
    /// What the window waits for; 0 when it does not wait.
    wanted: AtomicU64,
    freed: Notify,
}

impl Budget {
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity: AtomicU64::new(capacity),
            used: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            freed: Notify::new(),
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::SeqCst)
    }

    /// There is more of it. Only the window calls this, so nobody waits for it meanwhile.
    pub(crate) fn widen(&self, capacity: u64) {
        self.capacity.fetch_max(capacity, Ordering::SeqCst);
    }

    /// Bytes reserved or waiting for the caller.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// Reserves all or nothing. Only the window reserves, so nothing can slip in between.
    pub(crate) fn try_reserve(&self, bytes: u64) -> bool {
        self.wanted.store(bytes, Ordering::SeqCst);
        if self.used.load(Ordering::SeqCst) + bytes > self.capacity() {
            return false;
        }
        self.wanted.store(0, Ordering::SeqCst);
        self.used.fetch_add(bytes, Ordering::SeqCst);
        true
    }

    pub(crate) fn release(&self, bytes: u64) {
        let before = self.used.fetch_sub(bytes, Ordering::SeqCst);
        let wanted = self.wanted.load(Ordering::SeqCst);
        if wanted != 0 && before.saturating_sub(bytes) + wanted <= self.capacity() {
            self.freed.notify_one();
        }
    }

    /// Resolves when what was last refused may fit.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn reserves_up_to_the_capacity_and_wakes_when_it_fits() {
        let budget = Arc::new(Budget::new(100));
        assert!(budget.try_reserve(60) && !budget.try_reserve(41));
        let waiter = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move {
                while !budget.try_reserve(90) {
                    budget.freed().await;
                }
            }
        });
        tokio::task::yield_now().await;
        for _ in 0..60 {
            budget.release(1);
            tokio::task::yield_now().await;
        }
        waiter.await.unwrap();
        assert_eq!(budget.used(), 90);
    }
}
