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

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cube_sdk_core::waiter::{Progress, Waiter};
use cube_sdk_core::{Error, Result, awaitable};
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use serde::{Serialize, Serializer};

use crate::change_requests::look_together;
use crate::client::Apollo;
use crate::ids::EnvironmentId;
use crate::model::{ChangeRequest, Plan};

/// Looks that are under way at the same time.
const AT_ONCE: usize = 8;

/// How long looks at one thing may fail in a row.
const PATIENCE: Duration = Duration::from_secs(120);

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
/// waited out, each thing for itself: it ends with its error once looks at it have failed for 120 s.
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
        let rounds = Rounds::within(PATIENCE, self.interval);
        let failing = Arc::new(Mutex::new(BTreeMap::new()));
        let slots = Arc::new(Mutex::new(self.slots));
        let mut told: BTreeMap<usize, (Option<String>, bool)> = BTreeMap::new();
        let looked = slots.clone();
        let look = move || {
            let (slots, failing) = (looked.clone(), failing.clone());
            async move { Ok(round(&slots, &failing, rounds).await) }
        };
        let judge = move |now: &Vec<Waited>| if now.iter().all(is_over) { Progress::Done } else { Progress::Running };
        let what = format!("waiting for {} change requests and plans", slots.lock().map_or(0, |slots| slots.len()));
        let mut waiter = Waiter::new(what, self.interval, look, judge).unknown(move |now: &Vec<Waited>| {
            let words: Option<Vec<_>> =
                now.iter().filter(|slot| !is_over(slot)).map(|slot| slot.item.unknown()).collect();
            words.filter(|words| !words.is_empty()).map(|words| words.join("`, `"))
        });
        if let Some(limit) = self.limit {
            waiter = waiter.timeout(limit);
        }
        let report = move |now: &Vec<Waited>| {
            let Some(watch) = &mut self.watch else { return };
            for (index, slot) in now.iter().enumerate() {
                let state = (slot.item.word().map(str::to_owned), is_over(slot));
                if told.insert(index, state.clone()).as_ref() != Some(&state) {
                    watch(&WaitEvent { index, item: slot.item.clone(), done: state.1, error: slot.error.clone() });
                }
            }
        };
        waiter.progress(report).await
    }
}

awaitable!(WaitAll => Vec<Waited>, wait);

/// Durations in rounds of looks.
#[derive(Clone, Copy)]
struct Rounds {
    interval: Duration,
    /// Rounds in which looks at one thing may fail in a row.
    patience: u32,
}

impl Rounds {
    fn within(patience: Duration, interval: Duration) -> Self {
        // No waiter looks more often.
        let interval = interval.max(Duration::from_millis(10));
        Self { interval, patience: Self { interval, patience: 0 }.of(patience) }
    }

    /// The rounds that begin within a time.
    fn of(self, time: Duration) -> u32 {
        let rounds = time.as_nanos().div_ceil(self.interval.as_nanos().max(1));
        u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}

/// Looks at one thing that failed in a row.
#[derive(Clone, Copy, Default)]
struct Failing {
    rounds: u32,
    /// Rounds for which the server asked not to be asked again.
    rest: u32,
}

impl Failing {
    /// The next round: is it let out?
    const fn rests(&mut self) -> bool {
        self.rounds = self.rounds.saturating_add(1);
        self.rest = self.rest.saturating_sub(1);
        self.rest > 0
    }
}

/// Looks at all that have not ended, at change requests of one environment together. A failure that may pass leaves
/// its own thing for a later round, and nothing else.
async fn round(slots: &Mutex<Vec<Waited>>, failing: &Mutex<BTreeMap<usize, Failing>>, rounds: Rounds) -> Vec<Waited> {
    let mut now = slots.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut failed = failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let resting: BTreeSet<_> = failed.iter_mut().filter_map(|(index, own)| own.rests().then_some(*index)).collect();
    let mut groups: BTreeMap<Option<EnvironmentId>, Vec<(usize, ChangeRequest)>> = BTreeMap::new();
    let mut plans = Vec::new();
    let due = |(index, slot): &(usize, &Waited)| !is_over(slot) && !resting.contains(index);
    for (index, slot) in now.iter().enumerate().filter(due) {
        match &slot.item {
            Awaited::Change(change) => {
                groups.entry(change.environment.clone()).or_default().push((index, change.clone()));
            }
            Awaited::Plan(plan) => plans.push((index, plan.clone())),
        }
    }
    let changes = groups.into_values().map(|group| {
        let (places, changes): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        async move {
            let seen = look_together(changes).await.into_iter().map(|seen| seen.map(Awaited::Change));
            places.into_iter().zip(seen).collect::<Vec<_>>()
        }
        .boxed()
    });
    let plans = plans
        .into_iter()
        .map(|(index, plan)| async move { vec![(index, plan.look(&plan).await.map(Awaited::Plan))] }.boxed());
    let looks: Vec<_> = changes.chain(plans).collect();
    let mut seen = futures_util::stream::iter(looks).buffered(AT_ONCE);
    while let Some(group) = seen.next().await {
        for (index, item) in group {
            let Some(slot) = now.get_mut(index) else { continue };
            match item {
                Ok(item) => {
                    slot.item = item;
                    failed.remove(&index);
                }
                Err(error) => {
                    let own = failed.entry(index).or_default();
                    let left = rounds.patience.saturating_sub(own.rounds);
                    own.rest = error.retry_after().map_or(0, |asked| rounds.of(asked));
                    if !error.is_transient() || left == 0 || own.rest > left {
                        slot.error = Some(error);
                    }
                }
            }
        }
    }
    *failing.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    slots.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&now);
    now
}

/// Is it waited for no longer?
fn is_over(slot: &Waited) -> bool {
    slot.error.is_some() || slot.item.is_done()
}
