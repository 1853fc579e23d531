//! One fetch under way, in a task of its own.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::{Cached, Cell, Failed, Fresh, Held, Policy, State};
use crate::error::{Error, ErrorKind, Result};

/// What everyone who waits gets; none while the fetch is under way.
type Landed<T> = Option<Result<T>>;

/// A fetch that the cell knows of.
pub(super) struct Flight<T> {
    number: u64,
    landed: watch::Receiver<Landed<T>>,
    task: Option<AbortHandle>,
    /// Its task would have ended by then: the runtime that it was begun on drives it no longer.
    lost: Option<Instant>,
}

/// A place among those who wait for a fetch.
pub(super) struct Seat<T> {
    landed: watch::Receiver<Landed<T>>,
    lost: Option<Instant>,
    patience: Duration,
}

/// The end of a fetch: whichever way its task ends, the outcome is told once.
struct Landing<T: Clone> {
    cell: Weak<Cell<T>>,
    number: u64,
    sender: watch::Sender<Landed<T>>,
    policy: Policy,
    told: bool,
}

impl<T> Flight<T> {
    pub(super) fn into_task(self) -> Option<AbortHandle> {
        self.task
    }
}

impl<T: Clone + Send + Sync + 'static> Cached<T> {
    /// A fetch is under way, on a runtime that drives it.
    pub(super) fn is_flying(state: &State<T>) -> bool {
        state.flight.as_ref().is_some_and(|flight| flight.lost.is_none_or(|lost| Instant::now() < lost))
    }

    /// A place among those who wait, and, when nothing was under way, what has to be begun.
    pub(super) fn board(&self, state: &mut State<T>) -> (Seat<T>, Option<Departure<T>>) {
        let (patience, lost) =
            (self.policy.patience, Instant::now().checked_add(self.policy.patience.saturating_add(GRACE)));
        if let Some(flight) = state.flight.as_ref().filter(|_| Self::is_flying(state)) {
            return (Seat { landed: flight.landed.clone(), lost: flight.lost, patience }, None);
        }
        state.ground();
        state.flights += 1;
        let (sender, landed) = watch::channel(None);
        let number = state.flights;
        state.flight = Some(Flight { number, landed: landed.clone(), task: None, lost });
        let landing = Landing { cell: Arc::downgrade(&self.cell), number, sender, policy: self.policy, told: false };
        (Seat { landed, lost, patience }, Some(Departure(landing)))
    }

    /// Begins a fetch in a task of its own.
    pub(super) fn depart<P>(&self, departure: Departure<T>, fetch: impl FnOnce() -> P, span: Span)
    where
        P: Future<Output = Result<Fresh<T>>> + Send + 'static,
    {
        let mut landing = departure.0;
        let (number, patience, begun) = (landing.number, self.policy.patience, Instant::now());
        let Ok(runtime) = Handle::try_current() else {
            return landing.tell(Err(Error::new(ErrorKind::Config, "there is no tokio runtime here")));
        };
        let work = fetch();
        let flight = async move {
            // Counted from its beginning, not from when the runtime first turned to it.
            let left = patience.saturating_sub(begun.elapsed());
            let outcome = tokio::time::timeout(left, work).await.unwrap_or_else(|_| Err(too_long(patience)));
            landing.tell(outcome);
        };
        let task = runtime.spawn(flight.instrument(span)).abort_handle();
        let mut state = self.cell.lock();
        match state.flight.as_mut().filter(|flight| flight.number == number) {
            Some(flight) => flight.task = Some(task),
            None => state.grounded.push(task),
        }
    }
}

/// A fetch that has to be begun. Dropping it tells those who wait that it never was.
pub(super) struct Departure<T: Clone>(Landing<T>);

impl<T: Clone> Seat<T> {
    /// The outcome, once it is there.
    pub(super) async fn wait(mut self) -> Result<T> {
        // No timer where none is needed.
        if let Some(outcome) = self.landed.borrow().clone() {
            return outcome;
        }
        let landed = self.landed.wait_for(Option::is_some);
        let landed = match self.lost {
            None => landed.await,
            Some(lost) => match tokio::time::timeout_at(lost, landed).await {
                Ok(landed) => landed,
                Err(_) => return Err(too_long(self.patience)),
            },
        };
        match landed.ok().and_then(|outcome| outcome.clone()) {
            Some(outcome) => outcome,
            None => Err(stopped()),
        }
    }
}

impl<T: Clone> Landing<T> {
    fn tell(&mut self, outcome: Result<Fresh<T>>) {
        self.told = true;
        let failed = outcome.as_ref().err().map(|error| Failed::now(error, self.policy.pause));
        if let Some(cell) = self.cell.upgrade() {
            let mut state = cell.lock();
            // Unless it was invalidated meanwhile: then it is for those alone who waited.
            if state.flight.as_ref().is_some_and(|flight| flight.number == self.number) {
                state.flight = None;
                if let Ok(fresh) = &outcome {
                    let now = self.policy.clock.now();
                    let due = fresh.expires.map(|end| self.policy.renewal.due(now, end));
                    state.held = Some(Held { value: fresh.value.clone(), expires: fresh.expires, due });
                }
                if let Some(failed) = &failed {
                    tracing::debug!(kind = %failed.error.kind(), "a value could not be fetched");
                }
                state.failed = failed.clone();
            }
        }
        let outcome = match (outcome, failed) {
            (Err(_), Some(failed)) => Err(failed.told()),
            (outcome, _) => outcome.map(|fresh| fresh.value),
        };
        self.sender.send_replace(Some(outcome));
    }
}

impl<T: Clone> Drop for Landing<T> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(Err(stopped()));
        }
    }
}

/// What a task needs to notice its own patience before others do.
const GRACE: Duration = Duration::from_secs(1);

fn too_long(patience: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the fetch did not end within {:.0} s", patience.as_secs_f64()))
}

fn stopped() -> Error {
    let how = if std::thread::panicking() { "the fetch panicked" } else { "the fetch was stopped before its end" };
    Error::new(ErrorKind::Cancelled, how)
}
