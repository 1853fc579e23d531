#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::error::Sent;
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
                let attempts = (1..10)
                    .find(|n| matches!(RetryPolicy::default().decide(operation, &error, *n), Decision::Stop(_)))
                    .unwrap();
                write!(table, "{}/{:<8}{attempts} ", operation.name(), sent.as_str()).unwrap();
            }
        }
        writeln!(table, "{kind}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test(start_paused = true)]
async fn the_report_tells_attempts_and_reason() {
    let error = Retrier::default().run(READ, Deadline::none(), failing(ErrorKind::Unavailable)).await.unwrap_err();
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
    assert_eq!(RetryPolicy::default().decide(READ, &error, 1), Decision::Stop(StopReason::NotRetryable));
}

proptest! {
    #[test]
    fn waits_stay_within_their_bound(attempt in 1u32..80, base_ms in 0u64..5_000, cap_ms in 0u64..60_000) {
        let backoff = Backoff::new(Duration::from_millis(base_ms), Duration::from_millis(cap_ms));
        prop_assert!(backoff.wait(attempt) <= backoff.bound(attempt));
        prop_assert!(backoff.bound(attempt) <= backoff.cap);
    }
}
