//! Waiting, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cube_sdk_byo::rest::{GrantStatus, RunStatus};
use cube_sdk_byo::{ByoCode, ByoErrorExt};
use cube_sdk_core::ErrorKind;
use serde_json::json;
use tokio::time::Instant;

use crate::fixtures::*;
use crate::script::Script;

const DENIED: &str = "BYO_ASSUME_ROLE_FAILED: not authorized to perform sts:AssumeRole";

#[tokio::test(start_paused = true)]
async fn verifies_until_iam_has_spread() {
    let started = Instant::now();
    let script = Script::of([(200, failed_grant(DENIED)), (200, failed_grant(DENIED)), (200, active_grant())]);
    let looks = Arc::new(AtomicU32::new(0));
    let count = looks.clone();
    let waiter = byo(&script.client()).wait_until_active();
    let grant = waiter
        .progress(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .await
        .unwrap();
    assert_eq!(grant.status, GrantStatus::Active);
    assert_eq!((script.seen().len(), looks.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(started.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_twelve_probes_with_the_fault() {
    let started = Instant::now();
    let script = Script::of([(200, failed_grant(DENIED))]);
    let error = byo(&script.client()).wait_until_active().await.unwrap_err();
    assert_eq!(script.seen().len(), 12);
    assert_eq!(started.elapsed(), Duration::from_secs(110));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.byo().unwrap().code(), &ByoCode::AssumeRoleFailed);
    assert_eq!(error.next_step(), Some(ByoCode::AssumeRoleFailed.fix()));
    assert!(error.to_string().contains("s3://acme-edge-models"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn ends_early_on_what_time_does_not_cure() {
    for (reply, kind) in [
        (failed_grant("BYO_REGION_MISMATCH: eu-west-1"), ErrorKind::Config),
        (failed_grant("BYO_BUCKET_GONE"), ErrorKind::NotFound),
        (pending_grant(), ErrorKind::Conflict),
    ] {
        let script = Script::of([(200, reply)]);
        let error = byo(&script.client()).wait_until_active().await.unwrap_err();
        assert_eq!((error.kind(), script.seen().len()), (kind, 1), "{error}");
    }
    let script = Script::of([(404, json!({"detail": "no grant"}))]);
    let error = byo(&script.client()).wait_until_active().await.unwrap_err();
    assert_eq!((error.kind(), script.seen().len()), (ErrorKind::NotFound, 1));
}

#[tokio::test(start_paused = true)]
async fn the_bounds_can_be_set() {
    let script = Script::of([(200, failed_grant(DENIED))]);
    let started = Instant::now();
    let waiter = byo(&script.client()).wait_until_active();
    waiter.tries(3).interval(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((script.seen().len(), started.elapsed()), (3, Duration::from_secs(2)));
    let waiter = byo(&script.client()).wait_until_active().timeout(Duration::from_secs(35));
    assert_eq!(waiter.await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_watched_to_its_end() {
    let states = ["queued", "preparing", "running", "evaluating", "failed"];
    let script = Script::of(states.map(|state| (200, run(state))));
    let started = Instant::now();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let waiter = workspace(&script.client()).runs().wait(RUN);
    let last = waiter.progress(move |run| log.lock().unwrap().push(run.status().to_string())).await.unwrap();
    assert_eq!(last.status(), &RunStatus::Failed, "a failed run is an answer");
    assert_eq!(*seen.lock().unwrap(), states);
    assert_eq!(started.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_on_the_way_is_repeated_within_the_wait() {
    let script = Script::of([(200, run("running")), (502, json!({})), (200, run("passed"))]);
    let last = workspace(&script.client()).runs().wait(RUN).await.unwrap();
    assert_eq!((last.status(), script.seen().len()), (&RunStatus::Passed, 3));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_run_can_be_bounded() {
    let script = Script::of([(200, run("running"))]);
    let waiter = workspace(&script.client()).runs().wait(RUN).timeout(Duration::from_secs(12));
    let error = waiter.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains(RUN), "{error}");
}
