//! Holds all requests of a reader back while the server throttles.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cube_sdk_core::clock::later;
use cube_sdk_core::retry::Backoff;
use tokio::sync::Notify;
use tokio::time::Instant;

/// After an answer that asks for fewer requests nobody sends any for a while, then one tries; its answer opens the way
/// for all, or closes it for longer.
#[derive(Debug)]
pub(crate) struct Hold {
    waits: Backoff,
    closed: Mutex<Option<Closed>>,
    changed: Notify,
}

#[derive(Debug)]
struct Closed {
    /// Throttled answers in a row, those of one burst of requests counted once.
    step: u32,
    until: Instant,
    trying: bool,
}

/// The right to send one request.
pub(crate) struct Pass<'a> {
    hold: &'a Hold,
    /// The way is closed, and this is who tries.
    trial: bool,
}

impl Hold {
    pub(crate) fn new(waits: Backoff) -> Self {
        Self { waits, closed: Mutex::default(), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Closed>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True while requests are held back.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_some()
    }

    /// Resolves when requests are no longer held back.
    pub(crate) async fn opened(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when a request may be sent.
    pub(crate) async fn pass(&self) -> Pass<'_> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let until = {
                let mut closed = self.lock();
                match closed.as_mut() {
                    None => return Pass { hold: self, trial: false },
                    Some(closed) if closed.trying => None,
                    Some(closed) if closed.until <= Instant::now() => {
                        closed.trying = true;
                        return Pass { hold: self, trial: true };
                    }
                    Some(closed) => Some(closed.until),
                }
            };
            match until {
                None => changed.await,
                Some(until) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }
}

impl Pass<'_> {
    /// The answer asks for fewer requests, and perhaps for how long.
    pub(crate) fn throttled(mut self, asked: Option<Duration>) {
        let mut closed = self.hold.lock();
        let step = match &*closed {
            // One of those that were sent before the way was closed.
            Some(closed) if !self.trial => closed.step,
            Some(closed) => closed.step.saturating_add(1),
            None => 1,
        };
        let wait = self.hold.waits.steady_wait(step).max(asked.unwrap_or_default());
        let until = later(Instant::now(), wait);
        match closed.as_mut() {
            Some(closed) => {
                closed.step = step;
                closed.until = closed.until.max(until);
                closed.trying &= !self.trial;
            }
            None => *closed = Some(Closed { step, until, trying: false }),
        }
        self.trial = false;
        drop(closed);
        self.hold.changed.notify_waiters();
    }

    /// The server serves.
    pub(crate) fn served(mut self) {
        if std::mem::take(&mut self.trial) {
            *self.hold.lock() = None;
            self.hold.changed.notify_waiters();
        }
    }
}

/// A trial that was given up, or that said nothing about the load: someone else tries.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial {
            if let Some(closed) = self.hold.lock().as_mut() {
                closed.trying = false;
            }
            self.hold.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hold() -> Arc<Hold> {
        Arc::new(Hold::new(Backoff::new(Duration::from_secs(1), Duration::from_secs(10))))
    }

    #[tokio::test(start_paused = true)]
    async fn one_tries_while_the_others_wait() {
        let hold = hold();
        let burst = [hold.pass().await, hold.pass().await, hold.pass().await];
        burst.into_iter().for_each(|pass| pass.throttled(None));
        assert!(hold.is_closed());
        let began = Instant::now();
        let trial = hold.pass().await;
        assert!(
            (Duration::from_millis(500)..=Duration::from_secs(1)).contains(&began.elapsed()),
            "one burst is one step"
        );
        let waiting = tokio::spawn({
            let hold = Arc::clone(&hold);
            async move { hold.pass().await.served() }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!waiting.is_finished(), "while the trial is under way");
        trial.served();
        waiting.await.unwrap();
        assert!(!hold.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_grows_and_heeds_the_server() {
        let hold = hold();
        hold.pass().await.throttled(None);
        for least in [1, 2, 4] {
            hold.pass().await.throttled(None);
            let began = Instant::now();
            drop(hold.pass().await);
            assert!(began.elapsed() >= Duration::from_secs(least), "{:?} of {least} s", began.elapsed());
        }
        hold.pass().await.throttled(Some(Duration::from_secs(50)));
        let began = Instant::now();
        hold.pass().await.served();
        assert!(began.elapsed() >= Duration::from_secs(50));
        hold.opened().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_passes_to_the_next() {
        let hold = hold();
        hold.pass().await.throttled(None);
        drop(hold.pass().await);
        assert!(hold.is_closed());
        hold.pass().await.served();
        assert!(!hold.is_closed());
    }
}
