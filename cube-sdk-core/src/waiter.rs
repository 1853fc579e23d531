//! Waiting for something long: poll politely, report each state, stop by dropping.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result, WhichClock};

/// What one look at the thing showed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// Not at its end yet.
    Running,
    /// At its end, good or bad.
    Done,
}

type Look<T> = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = Result<T>> + Send>> + Send>;
type Judge<T> = Box<dyn FnMut(&T) -> Progress + Send>;
type Report<T> = Box<dyn FnMut(&T) + Send>;

/// Looks at a thing again and again until it is done; await it for the last state.
///
/// Dropping it stops the waiting, not the thing; wait again later by its id.
#[must_use = "a waiter does nothing until it is awaited"]
pub struct Waiter<T> {
    what: String,
    look: Look<T>,
    judge: Judge<T>,
    report: Option<Report<T>>,
    interval: Duration,
    tries: Option<u32>,
    limit: Option<Duration>,
}

impl<T> fmt::Debug for Waiter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("what", &self.what).field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Waiter<T> {
    /// Waits for `what` (words for errors), looking every `interval`.
    pub fn new<L, F>(
        what: impl Into<String>,
        interval: Duration,
        mut look: L,
        judge: impl FnMut(&T) -> Progress + Send + 'static,
    ) -> Self
    where
        L: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self {
            what: what.into(),
            look: Box::new(move || Box::pin(look())),
            judge: Box::new(judge),
            report: None,
            interval,
            tries: None,
            limit: None,
        }
    }

    /// Time between two looks.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// At most this many looks; then the last state is the result.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = Some(tries.max(1));
        self
    }

    /// At most this long; then `Timeout`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Called with each state, the last included.
    pub fn progress(mut self, report: impl FnMut(&T) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    async fn wait(mut self) -> Result<T> {
        let started = Instant::now();
        let mut looks = 0;
        loop {
            let state = match self.limit {
                None => (self.look)().await?,
                Some(limit) => tokio::time::timeout(limit.saturating_sub(started.elapsed()), (self.look)())
                    .await
                    .unwrap_or_else(|_| Err(self.too_long(limit)))?,
            };
            looks += 1;
            if let Some(report) = &mut self.report {
                report(&state);
            }
            if (self.judge)(&state) == Progress::Done || self.tries.is_some_and(|tries| looks >= tries) {
                return Ok(state);
            }
            if let Some(limit) = self.limit
                && started.elapsed() + self.interval >= limit
            {
                return Err(self.too_long(limit));
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    fn too_long(&self, limit: Duration) -> Error {
        Error::new(ErrorKind::Timeout, format!("{} did not end within {:.0} s", self.what, limit.as_secs_f64()))
            .with_clock(WhichClock::Waiter)
            .advice("it goes on by itself: wait again by its id, or allow more time")
    }
}

impl<T: Send + 'static> IntoFuture for Waiter<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn counting(until: u32) -> (Waiter<u32>, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let looks = count.clone();
        let waiter = Waiter::new(
            "the count",
            Duration::from_secs(10),
            move || std::future::ready(Ok(looks.fetch_add(1, Ordering::Relaxed) + 1)),
            move |n| if *n >= until { Progress::Done } else { Progress::Running },
        );
        (waiter, count)
    }

    #[tokio::test(start_paused = true)]
    async fn looks_until_done_and_reports_each_state() {
        let started = Instant::now();
        let (waiter, _) = counting(3);
        let seen = Arc::new(AtomicU32::new(0));
        let sum = seen.clone();
        let last = waiter
            .progress(move |n| {
                let _ = sum.fetch_add(*n, Ordering::Relaxed);
            })
            .await
            .unwrap();
        assert_eq!((last, seen.load(Ordering::Relaxed)), (3, 6));
        assert_eq!(started.elapsed(), Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_and_time_are_bounded() {
        let (waiter, count) = counting(100);
        assert_eq!(waiter.tries(4).await.unwrap(), 4);
        assert_eq!(count.load(Ordering::Relaxed), 4);
        let (waiter, _) = counting(100);
        let error = waiter.timeout(Duration::from_secs(35)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("the count did not end within 35 s"));
    }
}
