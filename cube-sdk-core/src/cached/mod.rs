//! A value that is expensive to get: held, renewed before it ends, and got once for all who need it.

mod failed;
mod flight;
mod renewal;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Span;

pub use renewal::Renewal;

use failed::Failed;
use flight::Flight;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};

/// What a fetch brought.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fresh<T> {
    /// The value.
    pub value: T,
    /// When it ends; none when it is good until it is [forgotten](Cached::forget).
    pub expires: Option<Timestamp>,
}

impl<T> Fresh<T> {
    /// A value that is good until `expires`.
    pub const fn new(value: T, expires: Option<Timestamp>) -> Self {
        Self { value, expires }
    }
}

/// Holds one value and gets it again when it is needed. Cheap to clone: clones share the value.
///
/// - A value that still holds is served at once. When it is [due](Renewal), the same call begins an early refresh
///   beside it; neither a refresh that hangs nor one that fails holds anyone up.
/// - A fetch runs in a task of its own, one at a time. Its outcome, good or bad, goes to everyone who waits for it,
///   whoever began it and whether or not they still wait. It ends with the last clone of the cache.
/// - After a failure the same error is the answer for a short pause, so that many callers do not become many fetches.
///   An error that may pass says by [`Error::retry_after`] how long.
///
/// Nothing is started before the first value is asked for, and no runtime is needed until then.
///
/// ```
/// use cube_sdk_core::Clock;
/// use cube_sdk_core::cached::{Cached, Fresh};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let answer = Cached::new(Clock::system());
/// let fetch = || async { Ok(Fresh::new(42, None)) };
/// assert_eq!((answer.get(fetch).await?, answer.peek()), (42, Some(42)));
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
pub struct Cached<T> {
    cell: Arc<Cell<T>>,
    policy: Policy,
}

#[derive(Clone, Copy, Debug)]
struct Policy {
    clock: Clock,
    renewal: Renewal,
    pause: Duration,
    patience: Duration,
}

impl<T> Clone for Cached<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell), policy: self.policy }
    }
}

impl<T> Default for Cached<T> {
    /// By this machine's clock.
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl<T> fmt::Debug for Cached<T> {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What clones share.
struct Cell<T>(Mutex<State<T>>);

struct State<T> {
    held: Option<Held<T>>,
    flight: Option<Flight<T>>,
    /// How many fetches were begun.
    flights: u64,
    /// Fetches that are under way for those alone who wait for them.
    grounded: Vec<AbortHandle>,
    failed: Option<Failed>,
}

struct Held<T> {
    value: T,
    expires: Option<Timestamp>,
    due: Option<Timestamp>,
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.ground();
        state.grounded.iter().for_each(AbortHandle::abort);
    }
}

impl<T> State<T> {
    fn valid(&self, now: Timestamp) -> Option<&Held<T>> {
        self.held.as_ref().filter(|held| held.expires.is_none_or(|end| now < end))
    }

    /// The last failure, while its pause lasts.
    fn failure(&self) -> Option<Error> {
        self.failed.as_ref().filter(|failed| Instant::now() < failed.until).map(Failed::told)
    }

    /// Leaves the fetch that is under way to those who wait for it.
    fn ground(&mut self) {
        self.grounded.retain(|task| !task.is_finished());
        self.grounded.extend(self.flight.take().and_then(Flight::into_task));
    }
}

impl<T> Cached<T> {
    /// The pause after a failure unless told otherwise.
    pub const PAUSE: Duration = Duration::from_secs(1);
    /// The longest time that a fetch may take unless told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(60);
    /// Holds nothing yet. `clock` tells when a value ends.
    pub fn new(clock: Clock) -> Self {
        Self {
            cell: Arc::new(Cell(Mutex::new(State {
                held: None,
                flight: None,
                flights: 0,
                grounded: Vec::new(),
                failed: None,
            }))),
            policy: Policy { clock, renewal: Renewal::default(), pause: Self::PAUSE, patience: Self::PATIENCE },
        }
    }

    /// When a value is renewed. Default: at its end.
    #[must_use]
    pub fn renewal(mut self, renewal: Renewal) -> Self {
        self.policy.renewal = renewal;
        self
    }

    /// How long a failure is the answer. Default [`Self::PAUSE`]; longer, up to 120 s, where the failure's
    /// `retry_after` asks for it.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.policy.pause = pause;
        self
    }

    /// The longest time that a fetch may take; then it has failed for all. Default [`Self::PATIENCE`].
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.policy.patience = patience;
        self
    }

    /// Forgets the value, the last failure, and whatever a fetch that is under way will bring: who asks from now on
    /// gets a new one.
    pub fn invalidate(&self) {
        let mut state = self.cell.lock();
        state.held = None;
        state.failed = None;
        state.ground();
    }

    /// Forgets the value if it `is` the one that turned out bad: another may have taken its place already. True when
    /// it was forgotten.
    pub fn forget(&self, is: impl FnOnce(&T) -> bool) -> bool {
        let mut state = self.cell.lock();
        let bad = state.held.as_ref().is_some_and(|held| is(&held.value));
        if bad {
            state.held = None;
        }
        bad
    }

    /// True when nothing is held that is still good, nothing is under way and no failure is remembered: the cell may
    /// leave a cache of cells.
    pub fn is_idle(&self) -> bool {
        let state = self.cell.lock();
        state.valid(self.policy.clock.now()).is_none() && state.flight.is_none() && state.failure().is_none()
    }
}

impl<T: Clone + Send + Sync + 'static> Cached<T> {
    /// The value at hand, if it is still good. Starts nothing.
    pub fn peek(&self) -> Option<T> {
        self.cell.lock().valid(self.policy.clock.now()).map(|held| held.value.clone())
    }

    /// The value: the one at hand while it is good, else the one that `fetch` brings, for everyone who asks meanwhile.
    ///
    /// # Errors
    /// Those of the fetch, the same for all; `Timeout` when it took longer than its patience; `Cancelled` when it
    /// stopped before its end, such as by a panic.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the fetch running for the others.
    pub async fn get<F, P>(&self, fetch: F) -> Result<T>
    where
        F: FnOnce() -> P,
        P: Future<Output = Result<Fresh<T>>> + Send + 'static,
    {
        let (value, seat, departure) = {
            let mut state = self.cell.lock();
            let (now, pausing) = (self.policy.clock.now(), state.failure());
            let held = state.valid(now);
            let is_due = held.and_then(|held| held.due).is_some_and(|due| due <= now);
            match (held.map(|held| held.value.clone()), pausing) {
                (Some(value), pausing) if !is_due || pausing.is_some() || Self::is_flying(&state) => return Ok(value),
                (None, Some(error)) => return Err(error),
                (value, _) => {
                    let (seat, departure) = self.board(&mut state);
                    (value, seat, departure)
                }
            }
        };
        // Nobody waits for an early refresh: it is no part of its caller's trace.
        let span = if value.is_some() { Span::none() } else { Span::current() };
        if let Some(departure) = departure {
            self.depart(departure, fetch, span);
        }
        match value {
            Some(value) => Ok(value),
            None => seat.wait().await,
        }
    }

    /// A value that is newly fetched, though the one at hand may still be good: by the fetch that is under way, or by a
    /// new one. For what must be looked at each time, but once for all who look.
    ///
    /// # Errors
    /// As [`Self::get`].
    ///
    /// # Cancel safety
    /// As [`Self::get`].
    pub async fn renew<F, P>(&self, fetch: F) -> Result<T>
    where
        F: FnOnce() -> P,
        P: Future<Output = Result<Fresh<T>>> + Send + 'static,
    {
        let (seat, departure) = {
            let mut state = self.cell.lock();
            if let Some(error) = state.failure() {
                return Err(error);
            }
            self.board(&mut state)
        };
        if let Some(departure) = departure {
            self.depart(departure, fetch, Span::current());
        }
        seat.wait().await
    }
}

#[cfg(test)]
mod tests;
