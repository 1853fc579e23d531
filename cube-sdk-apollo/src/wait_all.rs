//! Waiting for many change requests and plans together.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # world.approve_all();
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! use std::time::Duration;
//!
//! use cube_sdk_apollo::wait_all::Awaited;
//! use futures_util::TryStreamExt;
//!
//! let entities = apollo.entities("cube-7");
//! let changes = [entities.enforce("mosquitto").await?, entities.install("bridge", "com.example:bridge").await?];
//! let ended = apollo
//!     .wait_all(&changes)
//!     .interval(Duration::from_millis(10))
//!     .timeout(Duration::from_secs(3_600))
//!     .progress(|event| println!("{} {:?}", event.index, event.item))
//!     .await?;
//! let mut plans: Vec<Awaited> = Vec::new();
//! for waited in &ended {
//!     assert!(waited.error.is_none() && waited.item.is_done());
//!     if let Awaited::Change(change) = &waited.item {
//!         plans.push(change.plan().interval(Duration::from_millis(10)).await?.into());
//!     }
//! }
//! let mut events = apollo.wait_all(plans).interval(Duration::from_millis(10)).events(); // the same as a stream
//! while let Some(event) = events.try_next().await? {
//!     println!("{} {} {:?}", event.index, event.done, event.item);
//! }
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, Result, WhichClock, awaitable};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use serde::{Serialize, Serializer};

use crate::change_requests::Together;
use crate::client::Apollo;
use crate::ids::EnvironmentId;
use crate::model::{ChangeRequest, Plan};

/// Looks that are under way at the same time.
const AT_ONCE: usize = 8;

/// Something that ends by itself.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "one of each wait, never many at once")]
pub enum Awaited {
    /// A change request.
    Change(ChangeRequest),
    /// A plan.
    Plan(Plan),
}

impl Awaited {
    /// Has it ended, well or not?
    pub fn is_done(&self) -> bool {
        match self {
            Self::Change(change) => change.is_done(),
            Self::Plan(plan) => !plan.is_running(),
        }
    }

    /// Where it stands, in the server's word.
    fn word(&self) -> Option<&str> {
        match self {
            Self::Change(change) => change.status().map(|status| status.as_str()),
            Self::Plan(plan) => plan.state().map(|state| state.as_str()),
        }
    }

    fn unknown(&self) -> Option<String> {
        match self {
            Self::Change(change) => change.unknown_status(),
            Self::Plan(plan) => plan.unknown_state(),
        }
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(change) => write!(f, "change request {}", change.rid()),
            Self::Plan(plan) => write!(f, "plan {}", plan.rid()),
        }
    }
}

impl From<ChangeRequest> for Awaited {
    fn from(change: ChangeRequest) -> Self {
        Self::Change(change)
    }
}

impl From<&ChangeRequest> for Awaited {
    fn from(change: &ChangeRequest) -> Self {
        Self::Change(change.clone())
    }
}

impl From<Plan> for Awaited {
    fn from(plan: Plan) -> Self {
        Self::Plan(plan)
    }
}

impl From<&Plan> for Awaited {
    fn from(plan: &Plan) -> Self {
        Self::Plan(plan.clone())
    }
}

/// How one of the things that were waited for ended.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Waited {
    /// It, as it was seen last.
    pub item: Awaited,
    /// Why it cannot be seen any more; none when it was seen to end.
    #[serde(serialize_with = "as_line")]
    pub error: Option<Error>,
}

/// Something that moved.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WaitEvent {
    /// Its place among the things that are waited for, from 0.
    pub index: usize,
    /// It, as it is now.
    pub item: Awaited,
    /// Is it waited for no longer?
    pub done: bool,
    /// Why it cannot be seen any more.
    #[serde(serialize_with = "as_line")]
    pub error: Option<Error>,
}

fn as_line<S: Serializer>(error: &Option<Error>, to: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(to)
}

type Watch = Box<dyn FnMut(&WaitEvent) + Send>;

/// Waits until all have ended, well or not, when awaited: in the order in which they were given.
///
/// What cannot be found ends with its error, and the others are waited for all the same. A failure that may pass is
/// waited out, each thing for itself: it ends with its error once looks at it have failed for 120 s. So does one whose
/// state is a word that this version does not know, after 10 min.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # world.approve_all();
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use std::time::Duration;
///
/// let entities = apollo.entities("cube-7");
/// let changes = [entities.enforce("mosquitto").await?, entities.install("bridge", "com.example:bridge").await?];
/// let ended = apollo.wait_all(&changes).interval(Duration::from_millis(10)).await?;
/// assert!(ended.iter().all(|waited| waited.error.is_none() && waited.item.is_done()));
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "nothing is waited for until it is awaited"]
pub struct WaitAll {
    slots: Vec<Waited>,
    interval: Duration,
    limit: Option<Duration>,
    watch: Option<Watch>,
}

impl fmt::Debug for WaitAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAll").field("items", &self.slots.len()).finish_non_exhaustive()
    }
}

impl Apollo {
    /// Waits for change requests and plans together, without a limit unless one is set.
    ///
    /// # Errors
    /// When awaited: `Timeout` when a limit was set and has come. What fails for one item stands beside it and ends
    /// nothing.
    pub fn wait_all<I: Into<Awaited>>(&self, items: impl IntoIterator<Item = I>) -> WaitAll {
        let slots = items.into_iter().map(|item| Waited { item: item.into(), error: None });
        WaitAll { slots: slots.collect(), interval: Duration::from_secs(5), limit: None, watch: None }
    }
}

impl WaitAll {
    /// Time between two looks. Default 5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// At most this long for all of them; then `Timeout`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Called with what moved, one after the other, whichever it is of.
    pub fn progress(mut self, watch: impl FnMut(&WaitEvent) + Send + 'static) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// The same as a stream of what moved, which ends when all have ended; its error is that of awaiting it.
    pub fn events(mut self) -> impl Stream<Item = Result<WaitEvent>> + Send + Unpin {
        let queue = Arc::new(Mutex::new(VecDeque::new()));
        let (filled, mut watch) = (queue.clone(), self.watch.take());
        let watched = self.progress(move |event| {
            if let Some(watch) = &mut watch {
                watch(event);
            }
            filled.lock().unwrap_or_else(PoisonError::into_inner).push_back(Ok(event.clone()));
        });
        let mut running = Some(Box::pin(watched.wait()));
        futures_util::stream::poll_fn(move |cx| {
            if let Some(Poll::Ready(ended)) = running.as_mut().map(|running| running.poll_unpin(cx)) {
                running = None;
                if let Err(error) = ended {
                    queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(Err(error));
                }
            }
            match queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                Some(event) => Poll::Ready(Some(event)),
                None if running.is_none() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
    }

    async fn wait(mut self) -> Result<Vec<Waited>> {
        let looks = Looks::of(&self.slots);
        let mut running = FuturesUnordered::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if is_over(slot) {
                looks.note(index, &slot.item);
                continue;
            }
            let waiter = looks.waiter(index, slot.item.clone(), self.interval);
            let waiter = if let Some(limit) = self.limit { waiter.timeout(limit) } else { waiter };
            running.push(async move { (index, waiter.await) });
        }
        let mut told = BTreeMap::new();
        loop {
            let ended = poll_fn(|cx| {
                let ended = running.poll_next_unpin(cx);
                for (index, item) in looks.moved() {
                    self.tell(index, item, None, &mut told);
                }
                ended
            });
            match ended.await {
                None => return Ok(self.slots),
                Some((_, Ok(_))) => {}
                Some((_, Err(error))) if self.limit.is_some() && error.clock() == Some(WhichClock::Waiter) => {
                    return Err(error);
                }
                Some((index, Err(error))) => {
                    let Some(item) = self.slots.get(index).map(|slot| slot.item.clone()) else { continue };
                    self.tell(index, item, Some(error), &mut told);
                }
            }
        }
    }

    /// Keeps how a thing is seen now, and tells it where it has moved.
    fn tell(&mut self, index: usize, item: Awaited, error: Option<Error>, told: &mut BTreeMap<usize, (String, bool)>) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        *slot = Waited { item, error };
        let state = (slot.item.word().unwrap_or_default().to_owned(), is_over(slot));
        if told.insert(index, state.clone()).as_ref() == Some(&state) {
            return;
        }
        if let Some(watch) = &mut self.watch {
            watch(&WaitEvent { index, item: slot.item.clone(), done: state.1, error: slot.error.clone() });
        }
    }
}

awaitable!(WaitAll => Vec<Waited>, wait);

/// How the things are looked at: each by a waiter of its own, change requests of one environment by one list.
#[derive(Clone)]
struct Looks {
    lists: Arc<BTreeMap<EnvironmentId, Together>>,
    /// Each look takes one of these, so that no more are under way.
    lanes: Arc<Vec<futures_util::lock::Mutex<()>>>,
    seen: Arc<Mutex<VecDeque<(usize, Awaited)>>>,
}

impl Looks {
    fn of(slots: &[Waited]) -> Self {
        let mut lists = BTreeMap::new();
        for slot in slots {
            if let Awaited::Change(ChangeRequest { environment: Some(id), .. }) = &slot.item {
                lists.entry(id.clone()).or_insert_with(Together::default);
            }
        }
        let lanes = (0..AT_ONCE).map(|_| futures_util::lock::Mutex::default());
        Self { lists: Arc::new(lists), lanes: Arc::new(lanes.collect()), seen: Arc::default() }
    }

    fn note(&self, index: usize, item: &Awaited) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push_back((index, item.clone()));
    }

    /// What has been seen since this was asked last.
    fn moved(&self) -> VecDeque<(usize, Awaited)> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn waiter(&self, index: usize, item: Awaited, interval: Duration) -> Waiter<Awaited> {
        let (what, unknown) = (item.to_string(), Awaited::unknown);
        let last = Arc::new(futures_util::lock::Mutex::new((item, 0)));
        let (looks, noted) = (self.clone(), self.clone());
        let look = move || {
            let (looks, last) = (looks.clone(), last.clone());
            async move {
                let mut last = last.lock().await;
                let (item, serial) = &mut *last;
                *item = looks.look(index, item, serial).await?;
                Ok(item.clone())
            }
        };
        let judge = |item: &Awaited| if item.is_done() { Progress::Done } else { Progress::Running };
        Waiter::new(what, interval, look, judge).unknown(unknown).progress(move |item| noted.note(index, item))
    }

    async fn look(&self, index: usize, item: &Awaited, serial: &mut u64) -> Result<Awaited> {
        let _lane = match self.lanes.get(index % AT_ONCE) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        let change = match item {
            Awaited::Change(change) => change,
            Awaited::Plan(plan) => return plan.look(plan).await.map(Awaited::Plan),
        };
        let list = change.environment.as_ref().and_then(|id| Some((id, self.lists.get(id)?)));
        let seen = match list {
            Some((id, list)) => list.look(change, id, serial).await,
            None => change.look().await,
        };
        seen.map(Awaited::Change)
    }
}

/// Is it waited for no longer?
fn is_over(slot: &Waited) -> bool {
    slot.error.is_some() || slot.item.is_done()
}
