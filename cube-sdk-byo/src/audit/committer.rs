//! The task that commits rows, and the queue before it.

use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::entry::AuditEntry;
use super::sink::AuditSink;

/// Waits between commits that failed while nobody recorded anew. A sink that is still broken then gets the rows with
/// the next one that is recorded.
const AGAIN: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// A queue and its sink. One commit runs at a time, in a task that belongs to no caller.
pub(super) struct Committer {
    sink: Box<dyn AuditSink>,
    queue: Mutex<Queue>,
    /// Rows were acknowledged or refused, or a call ended.
    moved: Notify,
    /// Rows came while the committer waits to try again.
    came: Notify,
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<AuditEntry>,
    pushed: u64,
    acknowledged: u64,
    running: bool,
    /// The last commit that failed.
    failed: Option<Failed>,
    failures: u64,
    calls: u64,
    open: BTreeSet<u64>,
}

struct Failed {
    through: u64,
    error: Error,
}

/// A row in the queue, and the commits that had failed when it came.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    row: u64,
    failures: u64,
}

/// A call to AWS that is under way: its row is still to come.
#[cfg(feature = "s3")]
pub(crate) struct OpenCall {
    committer: Arc<Committer>,
    number: u64,
}

impl Committer {
    pub(super) fn new(sink: Box<dyn AuditSink>) -> Self {
        Self { sink, queue: Mutex::default(), moved: Notify::new(), came: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, entry: AuditEntry) -> Ticket {
        let mut queue = self.lock();
        queue.pending.push_back(entry);
        queue.pushed += 1;
        Ticket { row: queue.pushed, failures: queue.failures }
    }

    /// Rows that are not acknowledged.
    pub(super) fn queued(&self) -> usize {
        self.lock().pending.len()
    }

    /// The ticket of the newest row.
    pub(super) fn newest(&self) -> Ticket {
        let queue = self.lock();
        Ticket { row: queue.pushed, failures: queue.failures }
    }

    /// Sees to it that what is queued is committed, at once.
    pub(super) fn start(self: &Arc<Self>) {
        self.came.notify_one();
        self.run();
    }

    /// Begins to commit, unless a task does so already.
    fn run(self: &Arc<Self>) {
        // Without a runtime the rows wait for whoever comes with one.
        if let Ok(runtime) = Handle::try_current()
            && let Some(turn) = self.turn()
        {
            runtime.spawn(turn.drain());
        }
    }

    fn turn(self: &Arc<Self>) -> Option<Turn> {
        let mut queue = self.lock();
        let free = !queue.running && !queue.pending.is_empty();
        queue.running |= free;
        free.then(|| Turn { committer: Arc::clone(self), over: false })
    }

    fn batch(&self) -> Vec<AuditEntry> {
        self.lock().pending.iter().cloned().collect()
    }

    /// Resolves when a row is acknowledged, or a commit of it has failed since it came.
    pub(super) async fn acknowledged(self: &Arc<Self>, ticket: Ticket) -> Result<()> {
        self.until(|queue| {
            if queue.acknowledged >= ticket.row {
                return Some(Ok(()));
            }
            let failed = queue.failed.as_ref().filter(|failed| failed.through >= ticket.row);
            failed.filter(|_| queue.failures > ticket.failures).map(|failed| Err(failed.error.clone()))
        })
        .await
    }

    /// Resolves when every call that is under way now has left its row.
    pub(super) async fn calls_ended(self: &Arc<Self>) {
        let last = self.lock().calls;
        self.until(|queue| queue.open.first().is_none_or(|first| *first > last).then_some(())).await;
    }

    async fn until<T>(self: &Arc<Self>, mut done: impl FnMut(&Queue) -> Option<T>) -> T {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if let Some(value) = done(&self.lock()) {
                return value;
            }
            // A runtime that ended took its committer along.
            self.run();
            if moved.as_mut().now_or_never().is_some() {
                // One that is ending takes each at once: it must get to the end of us, too.
                tokio::task::yield_now().await;
            } else {
                moved.await;
            }
        }
    }
}

#[cfg(feature = "s3")]
impl OpenCall {
    pub(super) fn begin(committer: &Arc<Committer>) -> Self {
        let mut queue = committer.lock();
        queue.calls += 1;
        let number = queue.calls;
        queue.open.insert(number);
        drop(queue);
        Self { committer: Arc::clone(committer), number }
    }
}

#[cfg(feature = "s3")]
impl Drop for OpenCall {
    fn drop(&mut self) {
        self.committer.lock().open.remove(&self.number);
        self.committer.moved.notify_waiters();
    }
}

/// The right to commit, one at a time. A task that its runtime ends early gives it back.
struct Turn {
    committer: Arc<Committer>,
    over: bool,
}

impl Turn {
    /// Commits until nothing is left, or the sink stays broken.
    async fn drain(mut self) {
        let mut again = AGAIN.iter();
        loop {
            // Whoever came so far is in the batch.
            let _ = self.committer.came.notified().now_or_never();
            let batch = self.committer.batch();
            let commit = AssertUnwindSafe(self.committer.sink.commit(&batch)).catch_unwind();
            let outcome = commit.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Io, "the audit sink panicked")));
            let next = self.note(batch.len(), outcome);
            self.committer.moved.notify_waiters();
            match next {
                Next::Nothing => return,
                Next::More => again = AGAIN.iter(),
                Next::Again => {
                    let Some(wait) = again.next() else { return };
                    tokio::select! {
                        () = tokio::time::sleep(*wait) => {}
                        () = self.committer.came.notified() => {}
                    }
                }
            }
        }
    }

    /// Notes how a commit ended. With nothing left the turn is over, before anyone is told: who then drops the recorder
    /// has the sink's own end.
    fn note(&mut self, rows: usize, outcome: Result<()>) -> Next {
        let mut queue = self.committer.lock();
        let more = queue.pending.len() > rows;
        match outcome {
            Ok(()) => {
                queue.pending.drain(..rows);
                queue.acknowledged += rows as u64;
                self.over = !more;
                queue.running = more;
                if more { Next::More } else { Next::Nothing }
            }
            Err(error) => {
                let through = queue.acknowledged + rows as u64;
                queue.failures += 1;
                queue.failed = Some(Failed { through, error: unwritten(error, rows) });
                if more { Next::More } else { Next::Again }
            }
        }
    }
}

/// What a turn does next.
enum Next {
    /// Nothing is queued.
    Nothing,
    /// Rows have come meanwhile.
    More,
    /// The commit failed.
    Again,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.over {
            self.committer.lock().running = false;
            self.committer.moved.notify_waiters();
        }
    }
}

fn unwritten(error: Error, rows: usize) -> Error {
    let message = format!("{rows} audit rows could not be written: {}", error.message());
    Error::new(error.kind(), message)
        .advice("repair the audit sink: reads stop while their calls cannot be recorded")
        .cause(error)
}
