//! What is sent again, and what never is.

use cube_sdk_core::error::{Sent, StopReason};
use cube_sdk_core::{Error, ErrorKind};
use serde_json::json;

use crate::fixtures::*;
use crate::script::Script;

fn broken() -> Error {
    Error::new(ErrorKind::Transport, "the connection broke").with_sent(Sent::Unknown)
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Connect, "could not connect").with_sent(Sent::No)
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated() {
    for status in [500, 502, 503, 504] {
        let script = Script::of([(status, json!({"detail": "x"})), (status, json!({})), (200, active_grant())]);
        assert!(byo(&script.client()).grant().await.unwrap().is_active());
        assert_eq!(script.seen().len(), 3, "{status}");
    }
    let script = Script::failing(broken(), [(200, active_grant())]);
    byo(&script.client()).grant().await.unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_not_repeated() {
    for status in [400, 401, 402, 403, 404, 409, 422, 501] {
        let script = Script::of([(status, json!({"detail": "no"}))]);
        let error = byo(&script.client()).grant().await.unwrap_err();
        assert_eq!((script.seen().len(), error.retry().attempts), (1, 1), "{status}");
        assert_eq!(error.retry().stopped, StopReason::NotRetryable);
    }
}

#[tokio::test(start_paused = true)]
async fn verify_is_repeated_although_it_is_a_post() {
    let script = Script::of([(503, json!({"detail": "aws is slow"})), (200, active_grant())]);
    assert!(byo(&script.client()).verify().await.unwrap().is_active());
    assert_eq!(script.seen().len(), 2);
    let script = Script::failing(broken(), [(200, active_grant())]);
    byo(&script.client()).verify().await.unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn writes_are_sent_once() {
    let faults: [fn() -> std::sync::Arc<Script>; 2] =
        [|| Script::of([(503, json!({"detail": "x"}))]), || Script::failing(broken(), [(200, active_grant())])];
    for fault in faults {
        for call in 0..8 {
            let script = fault();
            let client = script.client();
            let (storage, rooms) = (byo(&client), workspace(&client));
            let error = match call {
                0 => storage.register(ROLE, BUCKET, REGION).await.err(),
                1 => storage.attach_role(ROLE).await.err(),
                2 => storage.disconnect().await.err(),
                3 => storage.register_artifact("s3://abc/k").await.err(),
                4 => rooms.artifacts().delete(ARTIFACT).await.err(),
                5 => rooms.runs().trigger(PIPELINE).await.err(),
                6 => rooms.runs().cancel(RUN).await.err(),
                _ => rooms.api_keys().revoke(API_KEY).await.err(),
            };
            let error = error.unwrap();
            assert_eq!(script.seen().len(), 1, "{error}");
            assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Transport), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn writes_that_certainly_did_not_run_are_sent_again() {
    let script = Script::failing(unreachable(), [(204, json!(null))]);
    byo(&script.client()).disconnect().await.unwrap();
    assert_eq!(script.seen().len(), 2);
    let script = Script::of([(429, json!({"detail": "slow down"})), (204, json!(null))]);
    byo(&script.client()).disconnect().await.unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn a_missing_key_is_told_at_the_first_call() {
    let client = cube_sdk_byo::EdgeGate::builder().transport(Script::of([(200, json!([]))])).build().unwrap();
    let error = client.workspaces().list().await.unwrap_err();
    assert_eq!((error.kind(), error.target()), (ErrorKind::Config, Some("EDGEGATE_API_KEY")));
}
