//! How often something may be done: so many at once, then so many a second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::{Clock, Timestamp};

/// How many keys are remembered at most.
const REMEMBERED: usize = 16_384;
/// How many places are made when there is none, so that not each further key costs a look at all.
const FREED: usize = REMEMBERED / 8;

/// A bucket of tokens for each key. Each process has its own.
pub(crate) struct Buckets<K> {
    clock: Clock,
    most: f64,
    per_second: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl<K: Eq + Hash> Buckets<K> {
    /// `most` at once, then one each `every`.
    pub(crate) fn new(clock: Clock, most: u32, every: Duration) -> Self {
        Self { clock, most: f64::from(most), per_second: 1.0 / every.as_secs_f64(), buckets: Mutex::default() }
    }

    /// Takes one.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED && !buckets.contains_key(&key) {
            self.make_room(&mut buckets, now);
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: self.most, at: now });
        *bucket = Bucket { left: self.filled(*bucket, now), at: now };
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    /// How many were taken and have not come back yet.
    pub(crate) fn spent(&self, key: &K) -> f64 {
        let now = self.clock.now();
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(key).map_or(0.0, |bucket| self.most - self.filled(*bucket, now))
    }

    /// Fills a bucket.
    pub(crate) fn forget(&self, key: &K) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Forgets the full ones, and where that is not enough the fullest: who has taken most is remembered longest.
    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, now: Timestamp) {
        buckets.retain(|_, bucket| self.filled(*bucket, now) < self.most);
        let mut over = (buckets.len() + FREED).saturating_sub(REMEMBERED);
        if over == 0 {
            return;
        }
        let mut left: Vec<f64> = buckets.values().map(|bucket| self.filled(*bucket, now)).collect();
        let (_, least, _) = left.select_nth_unstable_by(buckets.len() - over, f64::total_cmp);
        let least = *least;
        buckets.retain(|_, bucket| {
            let goes = over > 0 && self.filled(*bucket, now) >= least;
            over -= usize::from(goes);
            !goes
        });
    }

    fn filled(&self, bucket: Bucket, now: Timestamp) -> f64 {
        (bucket.left + now.since(bucket.at).as_secs_f64() * self.per_second).min(self.most)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_at_once_then_one_by_one() {
        let clock = Clock::following_tokio(Timestamp::from_millisecond(0));
        let buckets = Buckets::new(clock, 3, Duration::from_secs(10));
        for _ in 0..3 {
            assert_eq!(buckets.take("a"), Ok(()));
        }
        let wait = buckets.take("a").unwrap_err();
        assert!((9.9..=10.0).contains(&wait.as_secs_f64()), "{wait:?}");
        assert_eq!(buckets.take("b"), Ok(()), "each key has its own");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(buckets.take("a"), Ok(()));
        assert!(buckets.take("a").is_err());
        buckets.forget(&"a");
        assert_eq!(buckets.spent(&"a"), 0.0);
        assert_eq!(buckets.take("a"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn many_keys_do_not_pile_up() {
        let clock = Clock::following_tokio(Timestamp::from_millisecond(0));
        let buckets = Buckets::new(clock, 2, Duration::from_secs(1));
        for key in 0..REMEMBERED {
            buckets.take(key).unwrap();
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        buckets.take(REMEMBERED).unwrap();
        assert_eq!(buckets.buckets.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn more_keys_than_are_remembered_cost_no_more_and_do_not_clear_who_took_most() {
        let clock = Clock::following_tokio(Timestamp::from_millisecond(0));
        let buckets = Buckets::new(clock, 3, Duration::from_secs(3600));
        for _ in 0..3 {
            buckets.take(usize::MAX).unwrap();
        }
        for key in 0..4 * REMEMBERED {
            buckets.take(key).unwrap();
            assert!(buckets.buckets.lock().unwrap().len() <= REMEMBERED, "{key}");
        }
        assert!(buckets.take(usize::MAX).is_err(), "many others do not free one who is refused");
    }
}
