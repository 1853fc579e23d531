//! What one workspace may have under way, so that none uses up what all share: workers, and the operator's STS quota.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cube_sdk_core::config::{Environment, Key};
use cube_sdk_core::{Error, ErrorKind, Result};
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::{Answer, Refusal};
use crate::store::Id;

/// `EDGEGATE_RUNS_PER_WORKSPACE`
pub const RUNS: Key = Key::open(
    "EDGEGATE_RUNS_PER_WORKSPACE",
    "How many runs of a workspace may be queued or in flight, in all processes together; default 1.",
);
/// `EDGEGATE_VERIFIES_PER_WORKSPACE`
pub const VERIFIES: Key = Key::open(
    "EDGEGATE_VERIFIES_PER_WORKSPACE",
    "How many requests of a workspace that probe its grant are served at once, in each process; default 4.",
);
/// `EDGEGATE_REGISTRATIONS_PER_WORKSPACE`
pub const REGISTRATIONS: Key = Key::open(
    "EDGEGATE_REGISTRATIONS_PER_WORKSPACE",
    "How many registrations of a workspace are served at once, in each process; default 8.",
);

/// Every setting of the limits, for the documentation.
pub const KEYS: [Key; 3] = [RUNS, VERIFIES, REGISTRATIONS];

/// So many requests may wait for each that is served.
const WAITING_PER_PLACE: usize = 8;

/// What one workspace may have under way. Clones count together.
///
/// Requests beyond a limit wait for their turn, in the order in which they came; those beyond eight times the limit are
/// refused with 429, to be sent again later. A run beyond its limit is refused with 409.
///
/// ```
/// use cube_sdk_core::config::Environment;
/// use cube_sdk_server::edgegate::WorkspaceLimits;
///
/// let set = Environment::from_pairs([("EDGEGATE_RUNS_PER_WORKSPACE", "3")]);
/// let limits = WorkspaceLimits::from_env(&set)?; // EdgeGateService::builder(…).limits(limits)
/// # let _ = limits;
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorkspaceLimits {
    pub(crate) runs: u32,
    verifies: Places,
    registrations: Places,
}

impl Default for WorkspaceLimits {
    fn default() -> Self {
        Self { runs: 1, verifies: Places::new(4), registrations: Places::new(8) }
    }
}

impl WorkspaceLimits {
    /// Reads the limits from the environment.
    ///
    /// # Errors
    /// `Config`, naming the variable, for what is no whole number above 0.
    pub fn from_env(env: &Environment) -> Result<Self> {
        let mut limits = Self::default();
        if let Some(most) = number(env, RUNS)? {
            limits.runs = most;
        }
        if let Some(most) = number(env, VERIFIES)? {
            limits.verifies = Places::new(most);
        }
        if let Some(most) = number(env, REGISTRATIONS)? {
            limits.registrations = Places::new(most);
        }
        Ok(limits)
    }

    /// A place for a request that probes a grant.
    pub(crate) async fn verify(&self, workspace: Id) -> Answer<Place> {
        self.verifies.take(workspace, "verifies").await
    }

    /// A place for a registration.
    pub(crate) async fn register(&self, workspace: Id) -> Answer<Place> {
        self.registrations.take(workspace, "registrations").await
    }
}

fn number(env: &Environment, key: Key) -> Result<Option<u32>> {
    let Some(found) = env.text(key)? else { return Ok(None) };
    let number = found.value.parse::<NonZeroU32>().map_err(|cause| {
        let message = format!("{} is `{}`: no whole number above 0", key.env, found.value.escape_debug());
        Error::new(ErrorKind::Config, message).with_target(key.env).advice(key.doc).cause(cause)
    })?;
    Ok(Some(number.get()))
}

/// Places of each workspace; forgotten with the last who has or awaits one.
#[derive(Clone, Debug)]
struct Places {
    each: usize,
    known: Arc<Mutex<HashMap<Id, Weak<Room>>>>,
}

#[derive(Debug)]
struct Room {
    served: Arc<Semaphore>,
    /// Those that are served and those that wait.
    present: Arc<Semaphore>,
}

/// A place; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Place {
    _served: OwnedSemaphorePermit,
    _present: OwnedSemaphorePermit,
    _room: Arc<Room>,
}

impl Places {
    fn new(each: u32) -> Self {
        let each = usize::try_from(each).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS / (WAITING_PER_PLACE + 1));
        Self { each, known: Arc::default() }
    }

    fn room(&self, workspace: Id) -> Arc<Room> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, room| room.strong_count() > 0);
        if let Some(room) = known.get(&workspace).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Room {
            served: Arc::new(Semaphore::new(self.each)),
            present: Arc::new(Semaphore::new(self.each * (WAITING_PER_PLACE + 1))),
        });
        known.insert(workspace, Arc::downgrade(&room));
        room
    }

    async fn take(&self, workspace: Id, what: &str) -> Answer<Place> {
        let room = self.room(workspace);
        let full = || {
            let detail = format!(
                "too many {what} of this workspace are under way: {} are served at once; try again in a few seconds",
                self.each
            );
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail)
        };
        let present = Arc::clone(&room.present).try_acquire_owned().map_err(|_| full())?;
        let served = Arc::clone(&room.served).acquire_owned().await.map_err(|_| full())?;
        Ok(Place { _served: served, _present: present, _room: room })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn beyond_the_places_requests_wait_in_order_and_beyond_that_are_refused() {
        let set = Environment::from_pairs([("EDGEGATE_REGISTRATIONS_PER_WORKSPACE", "1")]);
        let limits = WorkspaceLimits::from_env(&set).unwrap();
        let (one, other) = (Id::from_u128(1), Id::from_u128(2));
        let first = limits.register(one).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING_PER_PLACE).map(|_| Box::pin(limits.register(one))).collect();
        for request in &mut waiting {
            assert!(request.now_or_never().is_none());
        }
        let refused = limits.register(one).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        limits.register(other).await.expect("one workspace does not hold up another");
        drop(first);
        let mut waiting = waiting.into_iter();
        let second = waiting.next().unwrap().await.unwrap();
        assert!(waiting.next().unwrap().now_or_never().is_none());
        drop((second, waiting));
        limits.register(one).await.unwrap();
        assert_eq!(limits.registrations.known.lock().unwrap().len(), 1, "only who is here is known");
    }

    #[test]
    fn mistakes_name_their_variable() {
        for key in KEYS {
            for value in ["0", "-1", "many", "4294967296"] {
                let error = WorkspaceLimits::from_env(&Environment::from_pairs([(key.env, value)])).unwrap_err();
                assert_eq!(error.target(), Some(key.env), "{value}");
            }
        }
    }
}
