//! What is known of one connection: since when the server waits for its peer, and whether it is to end.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) peer: SocketAddr,
    /// Grows from connection to connection.
    pub(super) id: u64,
    books: Mutex<Books>,
    /// The next deadline may be another.
    changed: Notify,
    ended: AtomicBool,
    /// Who is woken by the end: the connection's task, and readers and writers of an upgraded one.
    wakers: [AtomicWaker; 3],
}

/// Who waits for a connection's end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    Task,
    Reader,
    Writer,
}

#[derive(Debug)]
struct Books {
    /// Since when no request is under way.
    resting_since: Instant,
    /// When bytes left last.
    wrote_at: Instant,
    requests: u64,
    under_way: usize,
    /// Bytes that leave over HTTP/2 may be of another answer, or of none.
    multiplexed: bool,
    upgraded: bool,
    /// Answers of which a piece was handed on, and no more is asked for yet.
    untaken: HashMap<u64, Instant>,
}

/// Which limit a connection broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Overdue {
    Head,
    Idle,
    Answer,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "no whole request came in time",
            Self::Idle => "no next request came in time",
            Self::Answer => "the answer was not taken in time",
        })
    }
}

impl Held {
    pub(super) fn new(peer: SocketAddr, id: u64) -> Self {
        let now = Instant::now();
        let books = Books {
            resting_since: now,
            wrote_at: now,
            requests: 0,
            under_way: 0,
            multiplexed: false,
            upgraded: false,
            untaken: HashMap::new(),
        };
        let (changed, ended, wakers) = (Notify::new(), AtomicBool::new(false), Default::default());
        Self { peer, id, books: Mutex::new(books), changed, ended, wakers }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head is in; its number within the connection.
    pub(super) fn began(&self, multiplexed: bool) -> u64 {
        let mut books = self.books();
        books.multiplexed = multiplexed;
        books.under_way += 1;
        books.requests += 1;
        let number = books.requests;
        drop(books);
        self.changed.notify_one();
        number
    }

    /// The request's answer was given whole, or nobody waits for it any more.
    pub(super) fn done(&self, request: u64) {
        let mut books = self.books();
        books.untaken.remove(&request);
        books.under_way = books.under_way.saturating_sub(1);
        books.resting_since = Instant::now();
        drop(books);
        self.changed.notify_one();
    }

    /// A piece of an answer was handed on; the peer is to take it.
    pub(super) fn handed(&self, request: u64) {
        self.books().untaken.insert(request, Instant::now());
        self.changed.notify_one();
    }

    /// All of an answer that there is was taken.
    pub(super) fn taken(&self, request: u64) {
        self.books().untaken.remove(&request);
    }

    /// Bytes left.
    pub(super) fn wrote(&self) {
        self.books().wrote_at = Instant::now();
    }

    /// The connection speaks another protocol from now on; its limits are not ours.
    pub(super) fn upgraded(&self) {
        self.books().upgraded = true;
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.books().upgraded
    }

    /// Since when the connection rests; none while a request is under way.
    pub(super) fn resting_since(&self) -> Option<Instant> {
        let books = self.books();
        (books.under_way == 0 && !books.upgraded).then_some(books.resting_since)
    }

    /// Resolves once the connection breaks a limit.
    pub(super) async fn overdue(&self, limits: &Limits) -> Overdue {
        loop {
            let Some((deadline, limit)) = self.books().deadline(limits) else {
                self.changed.notified().await;
                continue;
            };
            if deadline <= Instant::now() {
                return limit;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Ends the connection, whoever has it.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        for waker in &self.wakers {
            waker.wake();
        }
    }

    /// Ready once the connection is to end; else `cx` is woken by it.
    pub(super) fn poll_ended(&self, waits: Waits, cx: &Context<'_>) -> Poll<()> {
        if !self.ended.load(Ordering::Acquire) {
            self.wakers[waits as usize].register(cx.waker());
        }
        // Again, since it may have been ended before the waker was there.
        if self.ended.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Books {
    fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        if self.under_way > 0 {
            let oldest = self.untaken.values().min()?;
            return Some((later(self.last_sign(*oldest), limits.answer), Overdue::Answer));
        }
        if self.requests == 0 {
            return Some((later(self.resting_since, limits.head), Overdue::Head));
        }
        Some((later(self.last_sign(self.resting_since), limits.idle), Overdue::Idle))
    }

    /// The later of a time and the last bytes that left, where these can only be of the same answer.
    fn last_sign(&self, time: Instant) -> Instant {
        if self.multiplexed { time } else { time.max(self.wrote_at) }
    }
}

/// A time that lies beyond what can be counted never comes.
fn later(time: Instant, by: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    time.checked_add(by).unwrap_or_else(|| time + NEVER)
}
