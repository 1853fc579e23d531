#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use http::StatusCode;
use proptest::prelude::*;

use std::time::Duration;
use tokio::time::Instant;

use super::*;
use crate::error::{Error, ErrorKind, Sent, StopReason};
use crate::operation::Idempotency;

const READ: Operation = Operation::new("test", "read", Idempotency::Read);
const ONCE: Operation = Operation::new("test", "once", Idempotency::Once);

fn failing(kind: ErrorKind) -> impl Fn(u32) -> std::future::Ready<Result<()>> {
    move |_| std::future::ready(Err(Error::new(kind, "")))
}

#[test]
fn matrix_of_kind_and_idempotency() {
    let mut table = String::new();
    for kind in ErrorKind::ALL {
        for operation in [READ, ONCE] {
            for sent in [Sent::No, Sent::Unknown, Sent::Yes] {
                let error = Error::new(kind, "").with_sent(sent);
                let mut tries = Tries::default();
                let attempts = (1..10).find(|_| {
                    tries.failed(&error);
                    matches!(RetryPolicy::default().decide(operation, &error, &tries), Decision::Stop(_))
                });
                let attempts = attempts.map_or("by time".to_owned(), |n| n.to_string());
                write!(table, "{}/{:<8}{attempts} ", operation.name(), sent.as_str()).unwrap();
            }
        }
        writeln!(table, "{kind}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test(start_paused = true)]
async fn the_report_tells_attempts_and_reason() {
    let error = Retrier::default().run(READ, Deadline::none(), failing(ErrorKind::Transport)).await.unwrap_err();
    assert_eq!(error.retry().attempts, 4);
    assert_eq!(error.retry().stopped, StopReason::Attempts);
    assert_eq!(error.operation(), Some(READ));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_and_capped() {
    let calls = AtomicU32::new(0);
    let started = Instant::now();
    let attempt = |_| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if first {
            Err(Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(7))))
        } else {
            Ok(())
        })
    };
    Retrier::default().run(ONCE, Deadline::none(), attempt).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(7));
    assert!(started.elapsed() < Duration::from_secs(8));

    let long = |_| {
        std::future::ready(Err::<(), _>(
            Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(3600))),
        ))
    };
    let error = Retrier::default().run(READ, Deadline::none(), long).await.unwrap_err();
    assert_eq!(error.retry().stopped, StopReason::RetryAfterTooLong);
    assert_eq!(error.retry().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_waits_and_attempts() {
    let deadline = Deadline::after(Duration::from_secs(5));
    let throttled = |_| {
        std::future::ready(Err::<(), _>(
            Error::new(ErrorKind::Throttled, "").with_retry_after(Some(Duration::from_secs(6))),
        ))
    };
    let error = Retrier::default().run(READ, deadline, throttled).await.unwrap_err();
    assert_eq!((error.kind(), error.retry().stopped), (ErrorKind::Throttled, StopReason::Deadline));

    let hangs = |_| std::future::pending::<Result<()>>();
    let error = Retrier::default().run(READ, deadline, hangs).await.unwrap_err();
    assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Timeout, 1));
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_stops_retries_until_successes_refill_it() {
    let retrier = Retrier::new(RetryPolicy::default(), RetryBudget::new(1));
    let error = retrier.run(READ, Deadline::none(), failing(ErrorKind::Connect)).await.unwrap_err();
    assert_eq!((error.retry().attempts, error.retry().stopped), (2, StopReason::Budget));
    for _ in 0..10 {
        retrier.run(READ, Deadline::none(), |_| std::future::ready(Ok(()))).await.unwrap();
    }
    let error = retrier.run(READ, Deadline::none(), failing(ErrorKind::Connect)).await.unwrap_err();
    assert_eq!(error.retry().attempts, 2);
}

#[test]
fn a_server_that_lacks_the_call_is_asked_once() {
    let error = Error::new(ErrorKind::Server, "").with_status(StatusCode::NOT_IMPLEMENTED);
    assert_eq!(
        RetryPolicy::default().decide(READ, &error, &Tries::default()),
        Decision::Stop(StopReason::NotRetryable)
    );
}

/// A server that throttles for a while, on the paused clock: is the call still there when it ends?
async fn outlived(outage: Duration, error: impl Fn() -> Error) -> Result<u32> {
    let started = Instant::now();
    let calls = AtomicU32::new(0);
    let attempt = |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(if started.elapsed() < outage { Err(error()) } else { Ok(()) })
    };
    Retrier::default().run(READ, Deadline::after(Duration::from_secs(120)), attempt).await?;
    Ok(calls.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn throttling_and_503_are_waited_out_by_time() {
    let unavailable = || Error::new(ErrorKind::Unavailable, "").with_status(StatusCode::SERVICE_UNAVAILABLE);
    let throttled = || Error::new(ErrorKind::Throttled, "");
    for _ in 0..50 {
        for outage in [Duration::from_millis(500), Duration::from_secs(5), Duration::from_secs(30)] {
            let calls = outlived(outage, throttled).await.unwrap();
            assert!(calls <= 2 + 2 * u32::try_from(outage.as_secs()).unwrap(), "{calls} calls in {outage:?}");
            outlived(outage, unavailable).await.unwrap();
        }
        let error = outlived(Duration::from_secs(90), throttled).await.unwrap_err();
        assert_eq!(error.retry().stopped, StopReason::Patience);
        assert!(error.retry().elapsed >= Duration::from_secs(30), "{:?}", error.retry());
    }
    // A gateway that cannot reach its server says nothing of load.
    let gateway = || Error::new(ErrorKind::Unavailable, "").with_status(StatusCode::BAD_GATEWAY);
    let error = outlived(Duration::from_secs(60), gateway).await.unwrap_err();
    assert_eq!((error.retry().attempts, error.retry().stopped), (4, StopReason::Attempts));
}

#[tokio::test(start_paused = true)]
async fn throttled_writes_go_on_and_503_on_a_write_does_not() {
    let once = |error: fn() -> Error| async move {
        Retrier::default().run(ONCE, Deadline::none(), |_| std::future::ready(Err::<(), _>(error()))).await.unwrap_err()
    };
    let error = once(|| Error::new(ErrorKind::Throttled, "").with_status(StatusCode::TOO_MANY_REQUESTS)).await;
    assert_eq!(error.retry().stopped, StopReason::Patience);
    let error = once(|| Error::new(ErrorKind::Unavailable, "").with_status(StatusCode::SERVICE_UNAVAILABLE)).await;
    assert_eq!((error.retry().attempts, error.retry().stopped), (1, StopReason::NotRetryable));
}

#[tokio::test(start_paused = true)]
async fn throttling_costs_no_budget_and_never_repeats_where_nothing_may_be_repeated() {
    let retrier = Retrier::new(RetryPolicy::default(), RetryBudget::new(1));
    let error = retrier.run(READ, Deadline::none(), failing(ErrorKind::Throttled)).await.unwrap_err();
    assert_eq!(error.retry().stopped, StopReason::Patience);
    let error = Retrier::never().run(READ, Deadline::none(), failing(ErrorKind::Throttled)).await.unwrap_err();
    assert_eq!(error.retry().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn progress_starts_the_count_anew() {
    let frame = || Frame::new(READ);
    let broke = || Err::<(), _>(Error::new(ErrorKind::Transport, ""));
    let retrier = Retrier::default();
    let moving = frame().run(&retrier, |attempt| async move {
        if attempt.number == 40 {
            return Ok(());
        }
        if attempt.number % 3 == 0 {
            attempt.progressed();
        }
        broke()
    });
    moving.await.unwrap();
    let stuck = frame().run(&retrier, |attempt| async move {
        if attempt.number == 2 {
            attempt.progressed();
        }
        broke()
    });
    // The second brought bytes: it is the first of a new count.
    assert_eq!(stuck.await.unwrap_err().retry().attempts, 5);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_is_never_shortened_and_a_hostile_one_never_panics() {
    let waits = [Duration::from_millis(2_500), Duration::from_secs(119), Duration::from_secs(120)];
    for wait in waits {
        let started = Instant::now();
        let calls = AtomicU32::new(0);
        let attempt = |_| {
            let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
            let error = Error::new(ErrorKind::Transport, "").with_retry_after(Some(wait));
            std::future::ready(if first { Err(error) } else { Ok(()) })
        };
        Retrier::default().run(READ, Deadline::none(), attempt).await.unwrap();
        assert!(started.elapsed() >= wait);
    }
    let policy = RetryPolicy::default()
        .retry_after_ceiling(Duration::MAX)
        .patience(Duration::MAX)
        .backoff(Backoff::new(Duration::MAX, Duration::MAX))
        .throttle_backoff(Backoff::new(Duration::MAX, Duration::MAX));
    for kind in [ErrorKind::Throttled, ErrorKind::Connect] {
        for after in [None, Some(Duration::MAX)] {
            let error = || Err::<(), _>(Error::new(kind, "").with_retry_after(after));
            let retrier = Retrier::new(policy, RetryBudget::default());
            let run = retrier.run(READ, Deadline::after(Duration::from_secs(9)), |_| std::future::ready(error()));
            let _ = tokio::time::timeout(Duration::from_secs(10), run).await;
        }
    }
}

proptest! {
    #[test]
    fn waits_stay_within_their_bound(attempt in 1u32..80, base_ms in 0u64..5_000, cap_ms in 0u64..60_000) {
        let backoff = Backoff::new(Duration::from_millis(base_ms), Duration::from_millis(cap_ms));
        prop_assert!(backoff.wait(attempt) <= backoff.bound(attempt));
        prop_assert!(backoff.bound(attempt) <= backoff.cap);
    }
}
