//! Replies that are odd, old or newer than this client.

use cube_sdk_byo::ByoCode;
use cube_sdk_byo::rest::{Bundle, Grant, GrantStatus, RunDetail, RunStatus, RunSummary};
use cube_sdk_core::ErrorKind;
use serde_json::{Value, json};

use crate::fixtures::*;
use crate::script::Script;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn absent_and_null_are_alike_and_extra_fields_are_ignored() {
    let mut short = active_grant();
    for optional in ["role_arn", "kms_key_id", "last_verified_at", "last_verify_error"] {
        short.as_object_mut().unwrap().remove(optional);
    }
    short["later"] = json!({"a": [1]});
    let grant: Grant = read(short);
    assert!(grant.role_arn.is_none() && grant.last_verified_at.is_none());
    let run: RunSummary =
        read(json!({"id": RUN, "pipeline_id": PIPELINE, "status": "queued", "created_at": "2026-07-01T09:10:00Z"}));
    assert_eq!(run.status, RunStatus::Queued);
}

#[test]
fn a_grant_with_a_role_that_aws_would_refuse_is_readable() {
    let mut odd = failed_grant("BYO_ASSUME_ROLE_FAILED");
    odd["role_arn"] = "arn:aws:iam::210987654321:role/bad name".into();
    odd["kms_key_id"] = "alias/models".into();
    let grant: Grant = read(odd);
    assert_eq!(grant.role().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(grant.kms_key().unwrap_err().kind(), ErrorKind::InvalidInput);
    let pending: Grant = read(pending_grant());
    assert_eq!(pending.role().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn failures_are_read_from_the_leading_code() {
    let code = |text: &str| read::<Grant>(failed_grant(text)).failure().map(|fault| fault.code().clone());
    assert_eq!(code("BYO_KMS_ACCESS_DENIED"), Some(ByoCode::KmsAccessDenied));
    assert_eq!(code("BYO_KMS_ACCESS_DENIED: no"), Some(ByoCode::KmsAccessDenied));
    assert_eq!(code("BYO_LATER: no"), Some(ByoCode::from("BYO_LATER")));
    assert_eq!(code("TIMEOUT: no answer"), Some(ByoCode::from("TIMEOUT")));
    assert_eq!(code("Something went wrong"), None);
    assert_eq!(code(""), None);
    let list = read::<Grant>(failed_grant("BYO_BUCKET_GONE: x")).checklist();
    assert_eq!(list[0].code, ByoCode::BucketGone);
    assert!(list[0].fix.contains("bucket"));
}

#[test]
fn unknown_states_are_kept() {
    let mut grant = active_grant();
    grant["status"] = "sleeping".into();
    let grant: Grant = read(grant);
    assert_eq!(grant.status, GrantStatus::Unknown("sleeping".into()));
    assert_eq!(serde_json::to_value(&grant).unwrap()["status"], "sleeping");
    let mut late = run("archived");
    assert!(!read::<RunSummary>(late.clone()).has_ended());
    late["completed_at"] = "2026-07-01T09:20:00Z".into();
    assert!(read::<RunSummary>(late).has_ended());
}

#[test]
fn runs_that_broke_early_are_readable() {
    let mut broken = run("error");
    broken["error_code"] = "NO_AIHUB_TOKEN".into();
    broken["gates_eval"] = json!({});
    broken["normalized_metrics"] = json!({"first_load_time_ms": 12.5, "odd": {"a": 1}, "none": null});
    let detail: RunDetail = read(broken);
    let gates = detail.gates_eval.as_ref().unwrap();
    assert!(gates.passed.is_none() && gates.gates.is_empty());
    let metrics = detail.normalized_metrics.as_ref().unwrap();
    assert_eq!((metrics.get("first_load_time_ms"), metrics.get("odd"), metrics.len()), (Some(12.5), None, 3));
    assert!(detail.byo().is_none(), "not a matter of storage");
}

#[test]
fn a_revoked_role_shows_in_run_and_cells() {
    let mut revoked = run("failed");
    revoked["error_code"] = "BYO_ASSUME_ROLE_FAILED".into();
    revoked["error_detail"] = "2 of 3 cells failed: BYO_ASSUME_ROLE_FAILED".into();
    revoked["cells"] = json!([
        {"model_artifact_id": ARTIFACT, "device": "a", "status": "passed", "error_code": null,
         "metrics": {"model_bytes": 8}, "gates": []},
        {"model_artifact_id": ARTIFACT, "device": "b", "status": "failed", "error_code": "BYO_ASSUME_ROLE_FAILED",
         "metrics": null, "gates": null}
    ]);
    let detail: RunDetail = read(revoked.clone());
    assert_eq!(detail.byo().unwrap().code(), &ByoCode::AssumeRoleFailed);
    assert_eq!(detail.cells[1].byo().unwrap().code(), &ByoCode::AssumeRoleFailed);
    revoked["error_code"] = Value::Null;
    assert_eq!(read::<RunDetail>(revoked).byo().unwrap().code(), &ByoCode::AssumeRoleFailed);
    let bundle: Bundle = read(json!({"run_id": RUN, "status": "failed", "cells": null,
        "gates_eval": {"passed": false, "gates": [{"metric": "tps", "operator": "gte", "threshold": 5, "passed": false,
            "description": null, "actual_value": null}]}}));
    assert_eq!(bundle.gates_eval.unwrap().gates[0].actual_value, None);
}

#[tokio::test]
async fn a_success_that_cannot_be_read_names_the_place() {
    let mut broken = active_grant();
    broken["created_at"] = "yesterday".into();
    let error = byo(&Script::of([(200, broken)]).client()).grant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.operation().unwrap().name(), "get_grant");
    let error = byo(&Script::of([(200, Value::Null)]).client()).grant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    // Where no value is wanted, none is read.
    byo(&Script::of([(200, json!("<html>"))]).client()).disconnect().await.unwrap();
}

#[tokio::test]
async fn a_pipeline_that_is_not_listed_is_not_found() {
    let script = Script::of([(200, json!([pipeline()]))]);
    let error = workspace(&script.client()).pipelines().get(RUN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
