//! Keeps the right number of parts in flight, within the budget, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{SetOnce, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::concurrency::{Concurrency, TICK};
use super::part::{PartChunks, PartFetch, part};
use super::plan::Plan;
use super::progress::ReaderEvent;
use super::source::{Answer, Source};

/// Parts in flight at the start, when the caller does not say.
pub(crate) const START: usize = 8;

/// Parts in flight at most, when the caller does not say.
pub(crate) const MOST: usize = 32;

/// What a window starts from.
pub(crate) struct Window {
    pub(crate) source: Arc<Source>,
    pub(crate) plan: Plan,
    pub(crate) control: Concurrency,
    /// From a store far away: parts in flight at most, and what may be filled of the budget.
    pub(crate) far: (usize, u64),
    /// Parts in the order of their bytes.
    pub(crate) parts: mpsc::UnboundedSender<PartChunks>,
    /// Parts that are asked for before their bytes are reserved, in their order.
    pub(crate) asked: VecDeque<Asked>,
}

/// A part that waits for its bytes to be reserved before it reads them.
pub(crate) struct Asked {
    bytes: u64,
    room: Arc<SetOnce<()>>,
}

impl Window {
    /// Runs until every part is fetched, or one has failed, or nobody reads any more.
    pub(crate) async fn run(mut self, first: (PartFetch, Box<Answer>)) {
        let mut tasks = JoinSet::new();
        let (fetch, answer) = first;
        tasks.spawn(fetch.run(Some(answer)));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waits = 0;
        let mut caller_waits = true;
        loop {
            let starved = !self.launch(&mut tasks, caller_waits);
            self.publish(tasks.len());
            if tasks.is_empty() && self.plan.is_done() {
                break;
            }
            tokio::select! {
                biased;
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    if !done.unwrap_or(false) {
                        self.plan.stop();
                    }
                }
                () = self.source.budget.freed(), if starved => {}
                () = self.source.hold.opened(), if self.source.hold.is_closed() => {}
                () = self.source.slow_down.notified() => self.slow_down(),
                () = self.parts.closed() => break,
                now = ticks.tick() => {
                    let counters = &self.source.counters;
                    if counters.is_far()
                        && let Some(parts) = self.plan.go_far(self.far.0, self.far.1)
                    {
                        self.source.budget.widen(self.far.1);
                        self.control.widen(parts);
                    }
                    let received = counters.received.load(Ordering::Relaxed);
                    let before = std::mem::replace(&mut waits, counters.waits.load(Ordering::Relaxed));
                    // Rates say nothing about the network while the caller never has to wait for it.
                    let waited = waits > before || counters.waiting.load(Ordering::Relaxed);
                    caller_waits = waited;
                    self.control.tick(now, received, waited && !self.plan.is_done());
                    self.source.tell(|| ReaderEvent::Progress(self.source.stats()));
                }
            }
        }
        self.source.tell(|| ReaderEvent::Progress(self.source.stats()));
    }

    /// Starts parts up to the target; false when the budget stands in the way.
    fn launch(&mut self, tasks: &mut JoinSet<bool>, caller_waits: bool) -> bool {
        if !self.reserve() && !caller_waits {
            return false;
        }
        while tasks.len() < self.control.target() {
            let Some(range) = self.plan.peek(self.control.target()) else { break };
            if self.source.hold.is_closed() {
                break;
            }
            let bytes = range.end - range.start;
            // From far away the answer takes longer than its bytes: they are reserved when it is there.
            let ahead = self.plan.is_far();
            if !ahead && !self.source.budget.try_reserve(bytes) {
                return false;
            }
            self.plan.advance(range.end);
            let (mut fetch, chunks) = part(Arc::clone(&self.source), range);
            if ahead {
                let room = Arc::default();
                fetch = fetch.behind(Arc::clone(&room));
                self.asked.push_back(Asked { bytes, room });
            }
            if self.parts.send(chunks).is_err() {
                self.plan.stop();
                break;
            }
            tasks.spawn(fetch.run(None));
        }
        self.reserve()
    }

    /// Reserves the bytes of parts that are asked for already, in their order: so the part in front never waits for those
    /// behind it. False when the budget stands in the way.
    fn reserve(&mut self) -> bool {
        while let Some(next) = self.asked.front() {
            if !self.source.budget.try_reserve(next.bytes) {
                return false;
            }
            // Nobody else sets it.
            let _ = next.room.set(());
            self.asked.pop_front();
        }
        true
    }

    fn slow_down(&mut self) {
        self.control.slow_down(Instant::now());
        let target = self.control.target();
        self.source.tell(|| ReaderEvent::SlowDown { target });
    }

    fn publish(&self, in_flight: usize) {
        let counters = &self.source.counters;
        counters.in_flight.store(in_flight, Ordering::Relaxed);
        counters.target.store(self.control.target(), Ordering::Relaxed);
    }
}
