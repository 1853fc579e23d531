#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn counting(until: u32) -> (Waiter<u32>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let looks = count.clone();
    let waiter = Waiter::new(
        "the count",
        Duration::from_secs(10),
        move || std::future::ready(Ok(looks.fetch_add(1, Ordering::Relaxed) + 1)),
        move |n| if *n >= until { Progress::Done } else { Progress::Running },
    );
    (waiter, count)
}

#[tokio::test(start_paused = true)]
async fn looks_until_done_and_reports_each_state() {
    let started = Instant::now();
    let (waiter, _) = counting(3);
    let seen = Arc::new(AtomicU32::new(0));
    let sum = seen.clone();
    let last = waiter
        .progress(move |n| {
            let _ = sum.fetch_add(*n, Ordering::Relaxed);
        })
        .await
        .unwrap();
    assert_eq!((last, seen.load(Ordering::Relaxed)), (3, 6));
    assert_eq!(started.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn tries_and_time_are_bounded() {
    let (waiter, count) = counting(100);
    assert_eq!(waiter.tries(4).await.unwrap(), 4);
    assert_eq!(count.load(Ordering::Relaxed), 4);
    let (waiter, _) = counting(100);
    let error = waiter.timeout(Duration::from_secs(35)).await.unwrap_err();
    assert_eq!((error.kind(), error.clock()), (ErrorKind::Timeout, Some(WhichClock::Waiter)));
    assert!(error.to_string().contains("the count did not end within 35 s"));
}

/// Each look takes the next outcome; the last is repeated.
fn looking(outcomes: Vec<Result<u32>>) -> (Waiter<u32>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let looks = count.clone();
    let waiter = Waiter::new(
        "the thing",
        Duration::from_secs(10),
        move || {
            let look = looks.fetch_add(1, Ordering::Relaxed) as usize;
            std::future::ready(outcomes[look.min(outcomes.len() - 1)].clone())
        },
        |n| if *n == 0 { Progress::Running } else { Progress::Done },
    );
    (waiter, count)
}

fn failure(kind: ErrorKind) -> Result<u32> {
    Err(Error::new(kind, "a blip"))
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_for_a_while_do_not_end_the_wait() {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Throttled,
        ErrorKind::Server,
        ErrorKind::Connect,
        ErrorKind::Transport,
        ErrorKind::Timeout,
    ] {
        // An outage of 110 s, a good look, and another.
        let mut outcomes = vec![Ok(0)];
        outcomes.extend((0..12).map(|_| failure(kind)));
        outcomes.push(Ok(0));
        outcomes.extend((0..12).map(|_| failure(kind)));
        outcomes.push(Ok(1));
        let (started, seen) = (Instant::now(), Arc::new(AtomicU32::new(0)));
        let reports = seen.clone();
        let (waiter, count) = looking(outcomes);
        let waiter = waiter.tries(3).progress(move |_| {
            let _ = reports.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(waiter.await.unwrap(), 1, "{kind}");
        assert_eq!(
            (count.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)),
            (27, 3),
            "states are counted, not failures"
        );
        assert_eq!(started.elapsed(), Duration::from_secs(260));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_without_end_is_the_error_after_the_patience() {
    for (patience, looks) in [(None, 13), (Some(Duration::from_secs(35)), 5), (Some(Duration::ZERO), 1)] {
        let (mut waiter, count) = looking(vec![failure(ErrorKind::Unavailable)]);
        if let Some(patience) = patience {
            waiter = waiter.patience(patience);
        }
        let error = waiter.await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "a blip"));
        assert_eq!(count.load(Ordering::Relaxed), looks);
    }
    // Even where a look is rarer than the patience is long, one blip is none.
    let (waiter, _) = looking(vec![Ok(0), failure(ErrorKind::Unavailable), Ok(1)]);
    assert_eq!(waiter.interval(Duration::from_secs(600)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_ends_the_wait_at_once() {
    for error in [
        Error::new(ErrorKind::NotFound, ""),
        Error::new(ErrorKind::Unauthenticated, ""),
        Error::new(ErrorKind::Credentials, ""),
        Error::new(ErrorKind::Connect, "").with_transient(false),
    ] {
        let (waiter, count) = looking(vec![Err(error.clone()), Ok(1)]);
        assert_eq!(waiter.await.unwrap_err().kind(), error.kind());
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
    let busy = Error::new(ErrorKind::Credentials, "").with_transient(true);
    assert_eq!(looking(vec![Err(busy), Ok(1)]).0.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_a_time_is_not_asked_sooner() {
    let asks = |seconds| Err(Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(seconds))));
    let started = Instant::now();
    assert_eq!(looking(vec![asks(70), asks(3), Ok(1)]).0.await.unwrap(), 1);
    assert_eq!(started.elapsed(), Duration::from_secs(80));
    for too_long in [121, u64::MAX] {
        let (waiter, count) = looking(vec![asks(too_long), Ok(1)]);
        let error = waiter.await.unwrap_err();
        assert_eq!((error.retry_after(), count.load(Ordering::Relaxed)), (Some(Duration::from_secs(too_long)), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_within_an_outage_names_the_outage() {
    let (waiter, _) = looking(vec![Ok(0), failure(ErrorKind::Unavailable)]);
    let error = waiter.timeout(Duration::from_secs(35)).await.unwrap_err();
    assert_eq!(error.clock(), Some(WhichClock::Waiter));
    assert_eq!(error.source().unwrap().to_string(), "a blip");
}

#[tokio::test(start_paused = true)]
async fn no_duration_is_too_long_and_none_too_short() {
    let (waiter, _) = counting(2);
    assert_eq!(waiter.timeout(Duration::MAX).patience(Duration::MAX).await.unwrap(), 2);
    let (waiter, _) = counting(2);
    let error = waiter.interval(Duration::MAX).timeout(Duration::MAX).await.unwrap_err();
    assert_eq!(error.clock(), Some(WhichClock::Waiter));
    let (waiter, count) = counting(2);
    let waiting = tokio::time::timeout(Duration::from_secs(3600), waiter.interval(Duration::MAX).into_future());
    assert!(waiting.await.is_err());
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let (waiter, count) = counting(u32::MAX);
    assert!(waiter.interval(Duration::ZERO).timeout(Duration::from_secs(1)).await.is_err());
    assert!(count.load(Ordering::Relaxed) <= 101, "a look each 10 ms at most");
}

#[tokio::test(start_paused = true)]
async fn a_word_that_is_not_known_ends_the_wait_at_its_limit() {
    let odd = || Waiter::new("it", Duration::from_secs(5), || async { Ok("PONDERING") }, |_| Progress::Running);
    let known = |state: &&'static str| (*state == "PONDERING").then(|| (*state).to_owned());
    let started = Instant::now();
    let error = odd().unknown(known).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`PONDERING`"), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(600));
    let error = odd().unknown(known).timeout(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // A known word in between begins the time anew; without such words the limit is a timeout as ever.
    let mut looks = 0;
    let mixed = move || {
        looks += 1;
        std::future::ready(Ok(if looks % 100 == 0 { "ACTIVE" } else { "PONDERING" }))
    };
    let wait = Waiter::new("it", Duration::from_secs(5), mixed, |_| Progress::Running).unknown(known);
    assert!(tokio::time::timeout(Duration::from_secs(3_600), wait.into_future()).await.is_err());
    let error = odd().unknown(|_| None).timeout(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
