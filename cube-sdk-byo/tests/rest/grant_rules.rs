//! What the client must and must not do around a grant.

use cube_sdk_byo::rest::GrantStatus;
use cube_sdk_byo::{ByoCode, ByoErrorExt};
use cube_sdk_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::fixtures::*;
use crate::script::Script;

const SETUP_INFO: &str = "GET /v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11/byo-storage/setup-info";
const POST_GRANT: &str = "POST /v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11/byo-storage/grants";
const GET_GRANT: &str = "GET /v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11/byo-storage/grants";

fn exists() -> (u16, Value) {
    (409, json!({"detail": "A grant already exists for this workspace"}))
}

async fn set_up(script: &std::sync::Arc<Script>) -> cube_sdk_core::Result<cube_sdk_byo::rest::Setup> {
    byo(&script.client()).setup(BUCKET, REGION).await
}

#[tokio::test]
async fn two_phases_in_order() {
    let script = Script::of([(200, setup_info()), (201, pending_grant()), (200, active_grant())]);
    let setup = set_up(&script).await.unwrap();
    assert!(!setup.reused);
    assert_eq!(setup.grant.status, GrantStatus::PendingRole);
    assert_eq!(setup.role.role_name().as_str(), "edgegate-byo-read-c2b7a6d4");
    assert!(setup.role.trust_policy().to_string().contains(EXTERNAL_ID));
    assert_eq!(setup.role.tags()[0], ("edgegate:workspace_id", WS.to_owned()));
    assert_eq!(script.seen(), [SETUP_INFO, POST_GRANT]);
    let grant = setup.attach_role(ROLE).await.unwrap();
    assert!(grant.is_active());
    assert_eq!(script.seen()[2], format!("{POST_GRANT}/attach-role"));
}

#[tokio::test]
async fn a_pending_grant_of_the_same_place_is_reused() {
    let script = Script::of([(200, setup_info()), exists(), (200, pending_grant())]);
    let setup = set_up(&script).await.unwrap();
    assert!(setup.reused);
    assert_eq!(setup.grant.external_id.as_str(), EXTERNAL_ID);
    assert_eq!(script.seen(), [SETUP_INFO, POST_GRANT, GET_GRANT]);
}

#[tokio::test]
async fn a_pending_grant_of_another_place_is_refused() {
    for (field, value) in [("bucket", "other-bucket"), ("region", "us-east-1"), ("kms_key_id", KMS_KEY)] {
        let mut other = pending_grant();
        other[field] = value.into();
        let script = Script::of([(200, setup_info()), exists(), (200, other)]);
        let error = set_up(&script).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let line = error.to_string();
        assert!(line.contains(value) && line.contains(BUCKET) && line.contains("not for"), "{line}");
        assert_eq!(script.seen().len(), 3, "nothing was rotated or deleted");
    }
}

#[tokio::test]
async fn a_grant_that_is_not_pending_is_refused_by_its_status() {
    for grant in [active_grant(), failed_grant("BYO_BUCKET_GONE")] {
        let status = grant["status"].as_str().unwrap().to_owned();
        let script = Script::of([(200, setup_info()), exists(), (200, grant)]);
        let error = set_up(&script).await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Conflict, 409));
        assert!(error.message().contains(&status), "{error}");
        assert!(error.next_step().unwrap().contains("`disconnect`"), "{error}");
        assert_eq!(script.seen(), [SETUP_INFO, POST_GRANT, GET_GRANT]);
    }
}

#[tokio::test]
async fn a_conflict_without_a_grant_behind_it_stays_a_conflict() {
    let script = Script::of([(200, setup_info()), exists(), (404, json!({"detail": "no grant"}))]);
    let error = set_up(&script).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("already exists"), "{error}");
}

#[tokio::test]
async fn registering_never_rotates_or_deletes_on_conflict() {
    let script = Script::of([exists()]);
    let register = byo(&script.client()).register(ROLE, BUCKET, REGION);
    let error = register.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let step = error.next_step().unwrap();
    assert!(step.contains("inspect") && step.contains("disconnect") && step.contains("dashboard"), "{step}");
    assert_eq!(script.seen(), [POST_GRANT]);
}

#[tokio::test]
async fn an_unfinished_operator_creates_nothing() {
    let mut placeholder = setup_info();
    placeholder["edgegate_aws_account_id"] = "<EDGEGATE_ACCOUNT_ID>".into();
    placeholder["edgegate_principal_arn"] = "arn:aws:iam::<EDGEGATE_ACCOUNT_ID>:user/edgegate-worker".into();
    let mut no_principal = setup_info();
    no_principal["edgegate_principal_arn"] = "arn:aws:iam::123456789012:group/edgegate".into();
    for info in [placeholder, no_principal] {
        let script = Script::of([(200, info)]);
        let error = set_up(&script).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("BYO_EDGEGATE_AWS_ACCOUNT_ID"), "{error}");
        assert_eq!(script.seen(), [SETUP_INFO]);
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let script = Script::of([(200, json!([]))]);
    let client = script.client();
    let storage = byo(&client);
    let far = "arn:aws:kms:us-east-1:210987654321:key/1".parse::<cube_sdk_byo::KmsKeyArn>().unwrap();
    let refused = [
        storage.setup(BUCKET, REGION).kms_key(far.clone()).await.err(),
        storage.register(ROLE, BUCKET, REGION).kms_key(far).await.err(),
        storage.register_artifact("s3://abc/k").expected_size(0).await.err(),
        storage.audit().page_size(0).await.err(),
        storage.audit().page_size(501).await.err(),
        storage.audit().page_size(501).stream().try_next().await.err(),
        workspace(&client).api_keys().create("").await.err(),
        workspace(&client).runs().list().limit(0).await.err(),
        workspace(&client).pipelines().create("p", "q").await.err(),
    ];
    for error in refused {
        let error = error.expect("refused");
        assert_eq!((error.kind(), error.sent()), (ErrorKind::InvalidInput, cube_sdk_core::error::Sent::No), "{error}");
    }
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn no_grant_is_an_answer_to_find() {
    let none = |detail: &str| Script::of([(404, json!({ "detail": detail }))]);
    assert_eq!(byo(&none("No BYO grant for this workspace").client()).find_grant().await.unwrap(), None);
    assert_eq!(byo(&none("not found").client()).find_grant().await.unwrap(), None);
    let error = byo(&none("Workspace not found").client()).find_grant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = byo(&none("no grant").client()).grant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let found = byo(&Script::of([(200, pending_grant())]).client()).find_grant().await.unwrap();
    assert_eq!(found.unwrap().status, GrantStatus::PendingRole);
}

#[tokio::test]
async fn the_plan_is_told_on_every_call() {
    let client = Script::of([(402, json!({"detail": "BYO storage requires Enterprise"}))]).client();
    let storage = byo(&client);
    let errors: Vec<Error> = vec![
        storage.grant().await.unwrap_err(),
        storage.find_grant().await.unwrap_err(),
        storage.verify().await.unwrap_err(),
        storage.disconnect().await.unwrap_err(),
        storage.audit().await.unwrap_err(),
        storage.register_artifact("s3://abc/k").await.unwrap_err(),
        storage.attach_role(ROLE).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::PlanRequired);
        assert!(error.next_step().unwrap().contains("https://edgegate.frozo.ai/enterprise"), "{error}");
    }
}

#[tokio::test]
async fn registration_refusals_are_typed() {
    for (detail, code) in [
        ("BYO_OBJECT_NOT_FOUND: vision/Net.onnx", ByoCode::ObjectNotFound),
        ("BYO_NO_GRANT: no active grant", ByoCode::NoGrant),
        ("bucket mismatch: artifact must live in acme-edge-models", ByoCode::BucketMismatch),
    ] {
        let script = Script::of([(400, json!({ "detail": detail }))]);
        let error = byo(&script.client()).register_artifact("s3://abc/k").await.unwrap_err();
        assert_eq!(error.byo().unwrap().code(), &code);
        assert_eq!((error.kind(), error.next_step()), (code.kind(), Some(code.fix())));
        assert_eq!(error.operation().unwrap().name(), "register_artifact");
        assert!(error.target().unwrap().ends_with("/artifacts/byo"), "{error}");
    }
}

#[test]
fn fixes_are_what_people_read() {
    let text: Vec<_> =
        ByoCode::KNOWN.iter().map(|code| format!("{code} ({})\n  {}", code.kind(), code.fix())).collect();
    insta::assert_snapshot!("fix_of_each_code", text.join("\n"));
}
