#![allow(clippy::unwrap_used, clippy::panic)]

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::*;
use crate::error::ErrorKind;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn clock() -> Clock {
    Clock::following_tokio("2026-07-01T08:00:00Z".parse().unwrap())
}

/// A place to fetch from that counts, and does what it is told.
#[derive(Clone, Default)]
struct Source(Arc<SourceState>);

#[derive(Default)]
struct SourceState {
    calls: AtomicU32,
    /// Errors of this kind in place of values.
    fails: Mutex<Option<ErrorKind>>,
    takes: Mutex<Duration>,
    /// When values end.
    lives: Mutex<Option<(Clock, Duration)>>,
    /// Told when a fetch ends or is dropped.
    dropped: Mutex<Option<oneshot::Sender<()>>>,
}

struct Told(Option<oneshot::Sender<()>>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.take().map(|told| told.send(()));
    }
}

impl Source {
    fn calls(&self) -> u32 {
        self.0.calls.load(Ordering::Relaxed)
    }

    fn fails(&self, kind: impl Into<Option<ErrorKind>>) {
        *self.0.fails.lock().unwrap() = kind.into();
    }

    fn takes(self, time: Duration) -> Self {
        *self.0.takes.lock().unwrap() = time;
        self
    }

    fn lives(self, clock: Clock, time: Duration) -> Self {
        *self.0.lives.lock().unwrap() = Some((clock, time));
        self
    }

    /// The number of the fetch is the value.
    fn fetch(&self) -> impl FnOnce() -> BoxFuture<'static, Result<Fresh<u32>>> + use<> {
        let state = Arc::clone(&self.0);
        move || {
            let number = state.calls.fetch_add(1, Ordering::Relaxed) + 1;
            let told = Told(state.dropped.lock().unwrap().take());
            async move {
                let _told = told;
                let time = *state.takes.lock().unwrap();
                sleep(time).await;
                if let Some(kind) = *state.fails.lock().unwrap() {
                    return Err(Error::new(kind, format!("failure {number}")));
                }
                let lives = *state.lives.lock().unwrap();
                Ok(Fresh::new(number, lives.map(|(clock, time)| clock.now().saturating_add(time))))
            }
            .boxed()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_fetch_serves_all_who_need_it() {
    let (cached, source) = (Cached::new(clock()), Source::default().takes(seconds(5)));
    let all = join_all((0..50).map(|_| cached.get(source.fetch()))).await;
    assert!(all.into_iter().all(|value| value.unwrap() == 1));
    assert_eq!(cached.get(source.fetch()).await.unwrap(), 1);
    assert_eq!((source.calls(), cached.peek()), (1, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_holds_is_served_while_its_refresh_hangs() {
    let clock = clock();
    let source = Source::default().lives(clock, seconds(600));
    let cached = Cached::new(clock).renewal(Renewal::spread(seconds(60)));
    cached.get(source.fetch()).await.unwrap();
    let source = source.takes(seconds(3_600));
    tokio::time::advance(seconds(541)).await;

    // 59 s are left.
    let started = Instant::now();
    let six = join_all((0..6).map(|_| cached.get(source.fetch()))).await;
    assert!(six.into_iter().all(|value| value.unwrap() == 1));
    assert_eq!((started.elapsed(), source.calls()), (Duration::ZERO, 2));

    // It ends, and the refresh still hangs: each waits as long as it wants to, and no longer than the fetch may.
    tokio::time::advance(seconds(59)).await;
    let short = timeout(seconds(1) / 2, cached.get(source.fetch())).await;
    assert!(short.is_err());
    let error = cached.get(source.fetch()).await.unwrap_err();
    assert_eq!((error.kind(), source.calls()), (ErrorKind::Timeout, 2));
    assert_eq!(started.elapsed(), seconds(60));
}

#[tokio::test(start_paused = true)]
async fn a_value_is_renewed_early_and_a_failed_renewal_is_no_ones_failure() {
    let clock = clock();
    let source = Source::default().lives(clock, seconds(600)).takes(seconds(1));
    let cached = Cached::new(clock).renewal(Renewal::before_end(seconds(60)));
    cached.get(source.fetch()).await.unwrap();
    tokio::time::advance(seconds(539)).await;
    assert_eq!((cached.get(source.fetch()).await.unwrap(), source.calls()), (1, 1));

    tokio::time::advance(seconds(1)).await;
    source.fails(ErrorKind::PermissionDenied);
    assert_eq!(cached.get(source.fetch()).await.unwrap(), 1);
    sleep(seconds(3) / 2).await;
    assert_eq!((cached.get(source.fetch()).await.unwrap(), source.calls()), (1, 2), "the pause lasts");
    source.fails(None);
    sleep(seconds(1)).await;
    assert_eq!((cached.get(source.fetch()).await.unwrap(), source.calls()), (1, 3));
    sleep(seconds(3) / 2).await;
    assert_eq!((cached.get(source.fetch()).await.unwrap(), source.calls()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn one_failure_serves_all_who_wait_and_those_who_come_within_the_pause() {
    for (kind, passes) in [(ErrorKind::PermissionDenied, false), (ErrorKind::Unavailable, true)] {
        let (cached, source) = (Cached::new(clock()), Source::default().takes(seconds(5)));
        source.fails(kind);
        let all = join_all((0..50).map(|_| cached.get(source.fetch()))).await;
        let lines: Vec<String> = all.into_iter().map(|outcome| outcome.unwrap_err().to_string()).collect();
        assert!(lines[0].contains("failure 1") && lines.iter().all(|line| *line == lines[0]), "{lines:?}");

        sleep(seconds(1) / 2).await;
        let started = Instant::now();
        let error = cached.get(source.fetch()).await.unwrap_err();
        assert_eq!((error.kind(), error.message(), started.elapsed()), (kind, "failure 1", Duration::ZERO));
        // What may pass says when it may.
        assert_eq!(error.retry_after(), passes.then_some(seconds(1) / 2));
        assert!(!cached.is_idle());

        sleep(seconds(1) / 2).await;
        assert!(cached.is_idle());
        source.fails(None);
        assert_eq!((cached.get(source.fetch()).await.unwrap(), source.calls()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_is_as_long_as_the_server_asks_within_reason() {
    for (asked, paused, told) in [(7, 7, 6), (3_600, 120, 3_599)] {
        let (cached, calls) = (Cached::new(clock()), AtomicU32::new(0));
        let fetch = || {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { Err::<Fresh<()>, _>(Error::new(ErrorKind::Throttled, "").with_retry_after(Some(seconds(asked)))) }
        };
        assert_eq!(cached.get(fetch).await.unwrap_err().retry_after(), Some(seconds(asked)));
        sleep(seconds(1)).await;
        assert_eq!(cached.get(fetch).await.unwrap_err().retry_after(), Some(seconds(told)));
        sleep(seconds(paused - 1) - Duration::from_millis(1)).await;
        cached.get(fetch).await.unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        sleep(Duration::from_millis(2)).await;
        cached.get(fetch).await.unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_outlives_the_caller_who_began_it() {
    let (cached, source) = (Cached::new(clock()), Source::default().takes(seconds(5)));
    {
        let mut first = pin!(cached.get(source.fetch()));
        assert!(first.as_mut().now_or_never().is_none());
    }
    let others = join_all((0..6).map(|_| cached.get(source.fetch())));
    assert!(others.await.into_iter().all(|value| value.unwrap() == 1));

    // Nor does it need anyone to wait.
    cached.invalidate();
    assert!(cached.get(source.fetch()).now_or_never().is_none());
    sleep(seconds(6)).await;
    assert_eq!((cached.peek(), source.calls()), (Some(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_ends_with_the_cache() {
    for detached in [false, true] {
        let (cached, source) = (Cached::new(clock()), Source::default().takes(seconds(3_600)));
        let (told, mut ended) = oneshot::channel();
        *source.0.dropped.lock().unwrap() = Some(told);
        assert!(cached.get(source.fetch()).now_or_never().is_none());
        tokio::task::yield_now().await;
        if detached {
            cached.invalidate();
        }
        let clone = cached.clone();
        drop(cached);
        tokio::task::yield_now().await;
        assert!(!clone.is_idle() || detached);
        assert!(ended.try_recv().is_err(), "it goes on while a clone is left");
        let started = Instant::now();
        drop(clone);
        ended.await.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO, "{detached}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_panics_is_an_error_to_all() {
    let cached: Cached<u32> = Cached::new(clock());
    let falls = || async {
        sleep(seconds(1)).await;
        panic!("on purpose")
    };
    let all = join_all([cached.get(falls), cached.get(falls), cached.get(falls)]).await;
    for outcome in all {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "the fetch panicked"));
    }
    // And one whose making panics does not lock the cell.
    sleep(seconds(2)).await;
    let made = || -> std::future::Ready<Result<Fresh<u32>>> { panic!("on purpose") };
    assert!(std::panic::AssertUnwindSafe(cached.get(made)).catch_unwind().await.is_err());
    assert_eq!(cached.get(Source::default().fetch()).await.unwrap_err().message(), "the fetch panicked");
    sleep(seconds(2)).await;
    assert_eq!(cached.get(Source::default().fetch()).await.unwrap(), 1);
}

#[test]
fn a_runtime_that_ends_takes_its_fetch_along_and_nothing_else() {
    let cached = Cached::new(Clock::system()).pause(Duration::ZERO);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let source = Source::default().takes(seconds(3_600));
    let first = runtime();
    first.block_on(async {
        assert!(cached.get(source.fetch()).now_or_never().is_none());
        tokio::task::yield_now().await;
    });
    drop(first);
    let source = source.takes(Duration::ZERO);
    assert_eq!(runtime().block_on(cached.get(source.fetch())).unwrap(), 2);

    // Without a runtime there is an error, no panic.
    cached.invalidate();
    let error = cached.get(source.fetch()).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(runtime().block_on(cached.get(source.fetch())).unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_is_not_served_again() {
    let (cached, source) = (Cached::new(clock()), Source::default().takes(seconds(5)));
    let mut early = pin!(cached.get(source.fetch()));
    assert!(early.as_mut().now_or_never().is_none());
    cached.invalidate();
    let late = cached.get(source.fetch());
    let (early, late) = futures_util::future::join(early, late).await;
    assert_eq!((early.unwrap(), late.unwrap()), (1, 2));
    assert_eq!(cached.peek(), Some(2), "what was under way when it was invalidated is not kept");

    assert!(!cached.forget(|value| *value == 1), "another took its place");
    assert_eq!(cached.peek(), Some(2));
    assert!(cached.forget(|value| *value == 2));
    assert_eq!((cached.peek(), cached.get(source.fetch()).await.unwrap()), (None, 3));

    source.fails(ErrorKind::PermissionDenied);
    cached.invalidate();
    cached.get(source.fetch()).await.unwrap_err();
    source.fails(None);
    cached.invalidate();
    assert_eq!(cached.get(source.fetch()).await.unwrap(), 5, "a failure is forgotten too");
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_each_time_is_looked_at_once_for_all_who_look() {
    let (cached, source) = (Cached::new(clock()).pause(Duration::ZERO), Source::default().takes(seconds(1)));
    for round in 1..4 {
        let all = join_all((0..5).map(|_| cached.renew(source.fetch()))).await;
        assert!(all.into_iter().all(|value| value.unwrap() == round));
    }
    source.fails(ErrorKind::Io);
    let all = join_all((0..5).map(|_| cached.renew(source.fetch()))).await;
    assert!(all.into_iter().all(|outcome| outcome.unwrap_err().message() == "failure 4"));
    assert_eq!(cached.peek(), Some(3), "a failed look takes nothing away");
    source.fails(None);
    assert_eq!(cached.renew(source.fetch()).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_over_at_once_still_serves_those_who_waited() {
    let clock = clock();
    let (cached, source) = (Cached::new(clock), Source::default().takes(seconds(1)).lives(clock, Duration::ZERO));
    let all = join_all((0..5).map(|_| cached.get(source.fetch()))).await;
    assert!(all.into_iter().all(|value| value.unwrap() == 1));
    assert!(cached.peek().is_none() && cached.is_idle());
    assert_eq!(cached.get(source.fetch()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn endless_durations_are_taken() {
    let clock = clock();
    let cached =
        Cached::new(clock).renewal(Renewal::spread(Duration::MAX)).pause(Duration::MAX).patience(Duration::MAX);
    let source = Source::default().lives(clock, Duration::MAX);
    assert_eq!(cached.get(source.fetch()).await.unwrap(), 1);
    cached.invalidate();
    source.fails(ErrorKind::Throttled);
    cached.get(source.fetch()).await.unwrap_err();
    sleep(seconds(1_000_000)).await;
    cached.get(source.fetch()).await.unwrap_err();
    assert_eq!(source.calls(), 2);
}

proptest! {
    #[test]
    fn a_value_is_due_within_its_life(before in 0u64..10_000, life in 1u64..10_000, spread: bool) {
        let (now, before) = (Timestamp::from_millisecond(0), seconds(before));
        let renewal = if spread { Renewal::spread(before) } else { Renewal::before_end(before) };
        let (end, due) = (now.saturating_add(seconds(life)), renewal.due(now, now.saturating_add(seconds(life))));
        prop_assert!(due <= end && due >= now.saturating_add(seconds(life) / 2));
        prop_assert!(end.since(due) <= before * 2);
    }
}
