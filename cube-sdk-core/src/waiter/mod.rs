//! Waiting for something long: poll politely, report each state, stop by dropping.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result, Sent, WhichClock};

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
type Word<T> = Box<dyn FnMut(&T) -> Option<String> + Send>;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long a word that is not known is waited for where no limit is set.
const UNKNOWN: Duration = Duration::from_secs(600);

/// How long looks may fail in a row.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks at a thing again and again until it is done; await it for the last state.
///
/// A look that fails for a reason that may pass ([`Error::is_transient`]) does not end the wait: the next look comes at
/// the next interval, or when the server asks to be asked again. Only when looks have failed for [`Self::patience`]
/// without a good one between them, the last failure is the result. Any other error ends the wait at once.
///
/// Dropping it stops the waiting, not the thing; wait again later by its id.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::waiter::{Progress, Waiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let mut percent = 0;
/// let look = move || {
///     percent += 50;
///     async move { Ok(percent) }
/// };
/// let judge = |percent: &u32| if *percent < 100 { Progress::Running } else { Progress::Done };
/// let last = Waiter::new("the copy", Duration::from_millis(10), look, judge)
///     .progress(|percent| println!("{percent} %"))
///     .timeout(Duration::from_secs(60))
///     .await?;
/// assert_eq!(last, 100);
/// # Ok(())
/// # }
/// ```
#[must_use = "a waiter does nothing until it is awaited"]
pub struct Waiter<T> {
    what: String,
    look: Look<T>,
    judge: Judge<T>,
    report: Option<Report<T>>,
    unknown: Option<Word<T>>,
    interval: Duration,
    tries: Option<u32>,
    limit: Option<Duration>,
    patience: Duration,
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
            unknown: None,
            interval,
            tries: None,
            limit: None,
            patience: PATIENCE,
        }
    }

    /// Time between two looks; 10 ms at least.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// At most this many looks that show a state; then the last state is the result.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = Some(tries.max(1));
        self
    }

    /// How long looks may fail in a row before the wait ends with the last failure, and the longest `Retry-After` that
    /// is waited for. Default 120 s; with zero the first failure ends it.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// At most this long; then `Timeout`, with the failure of the last look as its cause where it failed.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Called with each state, the last included.
    pub fn progress(mut self, report: impl FnMut(&T) + Send + 'static) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// `word` names the server's word for where the thing stands, if this version does not know it. Nobody can say
    /// whether it is the end: when [`Self::timeout`] comes while such a word stands, or without one after 10 min of it,
    /// the wait ends `Unsupported` and shows it.
    pub fn unknown(mut self, word: impl FnMut(&T) -> Option<String> + Send + 'static) -> Self {
        self.unknown = Some(Box::new(word));
        self
    }

    async fn wait(mut self) -> Result<T> {
        let started = Instant::now();
        let interval = self.interval.max(SHORTEST);
        let mut looks = 0u32;
        let mut failing: Option<Failing> = None;
        let mut odd: Option<Odd> = None;
        loop {
            let looked = self.look(started, failing.as_ref()).await.map_err(|error| told(error, odd.as_ref()))?;
            let pause = match looked {
                Ok(state) => {
                    failing = None;
                    let word = self.unknown.as_mut().and_then(|word| word(&state));
                    let since = odd.map_or_else(Instant::now, |odd| odd.since);
                    odd = word.map(|word| Odd { since, word });
                    looks = looks.saturating_add(1);
                    if let Some(report) = &mut self.report {
                        report(&state);
                    }
                    if (self.judge)(&state) == Progress::Done || self.tries.is_some_and(|tries| looks >= tries) {
                        return Ok(state);
                    }
                    if self.limit.is_none()
                        && let Some(odd) = odd.as_ref().filter(|odd| odd.since.elapsed() >= UNKNOWN)
                    {
                        return Err(told(self.too_long(UNKNOWN, None), Some(odd)));
                    }
                    interval
                }
                Err(error) => {
                    let since = failing.map_or_else(Instant::now, |earlier| earlier.since);
                    let left = self.patience.saturating_sub(since.elapsed());
                    let asked = error.retry_after().unwrap_or_default();
                    if !error.is_transient() || left.is_zero() || asked > left {
                        return Err(error);
                    }
                    tracing::debug!(what = %self.what, kind = %error.kind(), "a look failed, the wait goes on");
                    failing = Some(Failing { since, error });
                    interval.max(asked)
                }
            };
            if let Some(limit) = self.limit
                && started.elapsed().saturating_add(pause) >= limit
            {
                return Err(told(self.too_long(limit, failing.as_ref()), odd.as_ref()));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One look, within the whole limit. The outer error is that of the limit.
    async fn look(&mut self, started: Instant, failing: Option<&Failing>) -> Result<Result<T>> {
        let Some(limit) = self.limit else { return Ok((self.look)().await) };
        let left = limit.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, (self.look)()).await {
            Ok(looked) => Ok(looked),
            Err(_) => Err(self.too_long(limit, failing)),
        }
    }

    fn too_long(&self, limit: Duration, failing: Option<&Failing>) -> Error {
        let error =
            Error::new(ErrorKind::Timeout, format!("{} did not end within {:.0} s", self.what, limit.as_secs_f64()))
                .with_clock(WhichClock::Waiter)
                .advice("it goes on by itself: wait again by its id, or allow more time");
        match failing {
            Some(Failing { error: last, .. }) => error.cause(last.clone()),
            None => error,
        }
    }
}

/// A word that was not known at the last good look, and since when words are not.
struct Odd {
    since: Instant,
    word: String,
}

/// The error of a limit, which a word that is not known explains.
fn told(error: Error, odd: Option<&Odd>) -> Error {
    let Some(Odd { word, .. }) = odd else { return error };
    Error::new(ErrorKind::Unsupported, format!("{}: the server's word `{word}` is not known", error.message()))
        .with_sent(Sent::Yes)
        .advice("look at it by hand, and update the SDK; it goes on by itself")
        .cause(error)
}

/// Looks that failed in a row.
struct Failing {
    since: Instant,
    error: Error,
}

impl<T: Send + 'static> IntoFuture for Waiter<T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

#[cfg(test)]
mod tests;
