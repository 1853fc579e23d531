#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use cube_sdk_core::engine::Engine;
use cube_sdk_core::transport::{Answer, Body, Transport};
use serde_json::json;

use super::*;
use crate::fault::ByoErrorExt;
use crate::rest::operations::{ATTACH_ROLE, DISCONNECT, GET_GRANT, LIST_AUDIT, TRIGGER_RUN};

#[derive(Debug)]
struct Fixed(u16, Bytes);

#[async_trait::async_trait]
impl Transport for Fixed {
    async fn send(&self, _: http::Request<Bytes>) -> Result<Answer> {
        let answer = http::Response::builder().status(self.0).header("x-request-id", "REQ-1");
        Ok(answer.body(Body::from(self.1.clone())).unwrap())
    }
}

fn refuse(operation: Operation, status: u16, body: impl Into<Bytes>) -> Error {
    let engine = Engine::builder(std::sync::Arc::new(Fixed(status, body.into())))
        .classify(ByDetail)
        .retrier(cube_sdk_core::retry::Retrier::never())
        .build();
    let call = cube_sdk_core::engine::Call::new(operation, http::Method::GET, "http://h/v1".parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(engine.run(&call)).unwrap_err()
}

fn refuse_json(operation: Operation, status: u16, body: &Value) -> Error {
    refuse(operation, status, body.to_string())
}

#[test]
fn a_code_is_found_in_every_form_of_detail() {
    let inner = json!({"error_code": "BYO_BUCKET_GONE", "message": "no such bucket"});
    for detail in [
        json!("BYO_BUCKET_GONE"),
        json!("BYO_BUCKET_GONE: no such bucket"),
        json!("HeadObject failed (BYO_BUCKET_GONE): no such bucket"),
        inner.clone(),
        json!(inner.to_string()),
        json!([{"loc": ["body"], "msg": "BYO_BUCKET_GONE: no such bucket", "type": "value_error"}]),
        json!({"errors": [{"why": "BYO_BUCKET_GONE"}]}),
    ] {
        let error = refuse_json(REGISTER_ARTIFACT, 400, &json!({"detail": detail}));
        assert_eq!(error.byo().map(ByoFault::code), Some(&ByoCode::BucketGone), "{detail}");
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("BYO_BUCKET_GONE")), "{detail}");
        assert_eq!(error.request_id(), Some("REQ-1"));
        assert_eq!(error.byo().unwrap().request_ids(), ["REQ-1"]);
        assert_eq!(error.next_step(), Some(ByoCode::BucketGone.fix()), "{detail}");
    }
}

#[test]
fn a_leading_code_leaves_its_words() {
    let error = refuse_json(REGISTER_ARTIFACT, 400, &json!({"detail": "BYO_KMS_ACCESS_DENIED: no kms:Decrypt on key"}));
    assert_eq!(error.byo().unwrap().detail(), Some("no kms:Decrypt on key"));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn every_code_has_its_kind() {
    for code in ByoCode::KNOWN {
        let error = refuse_json(REGISTER_ARTIFACT, 400, &json!({"detail": format!("{code}: words")}));
        assert_eq!((error.kind(), error.byo().unwrap().code()), (code.kind(), &code));
    }
}

#[test]
fn an_unknown_code_keeps_the_kind_of_the_status() {
    let error = refuse_json(GET_GRANT, 404, &json!({"detail": "BYO_LATER: something new"}));
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("BYO_LATER")));
}

#[test]
fn operator_settings_are_no_codes() {
    let error = refuse_json(ATTACH_ROLE, 500, &json!({"detail": "BYO_EDGEGATE_AWS_ACCOUNT_ID is not set"}));
    assert!(error.byo().is_none());
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[test]
fn statuses_about_the_caller_stay_in_front() {
    let error = refuse_json(LIST_AUDIT, 402, &json!({"detail": "BYO_NO_GRANT: the plan has no BYO storage"}));
    assert_eq!((error.kind(), error.code()), (ErrorKind::PlanRequired, Some("BYO_NO_GRANT")));
    assert!(error.next_step().unwrap().contains("/enterprise"));
    assert_eq!(refuse_json(LIST_AUDIT, 401, &json!({"detail": "no"})).kind(), ErrorKind::Unauthenticated);
}

#[test]
fn registration_words_without_code_are_read() {
    let of = |words: &str| refuse_json(REGISTER_ARTIFACT, 400, &json!({ "detail": words })).byo().cloned();
    assert_eq!(of("Bucket mismatch: x is not y").unwrap().code(), &ByoCode::BucketMismatch);
    assert_eq!(of("size mismatch: 3 != 4").unwrap().code(), &ByoCode::SizeMismatch);
    assert_eq!(of("there is no active grant").unwrap().code(), &ByoCode::NoGrant);
    assert_eq!(of("something else"), None);
    assert!(refuse_json(TRIGGER_RUN, 400, &json!({"detail": "size mismatch"})).byo().is_none());
}

#[test]
fn details_without_code_are_shown() {
    let error = refuse_json(GET_GRANT, 404, &json!({"detail": "no\n  grant"}));
    assert_eq!((error.message(), error.kind()), ("no grant", ErrorKind::NotFound));
    let field = json!({"detail": [{"loc": ["body", "bucket"], "msg": "too short", "type": "t", "input": "ab"},
                                  {"loc": ["query", 0], "msg": "odd", "type": "t"}]});
    let error = refuse_json(GET_GRANT, 422, &field);
    assert_eq!(error.message(), "body.bucket: too short; query.0: odd");
    assert_eq!(error.refusal().unwrap().detail()[1]["loc"][1], 0);
    let error = refuse_json(GET_GRANT, 422, &json!({"detail": {"violations": ["a", "b"]}}));
    assert_eq!(error.message(), r#"{"violations":["a","b"]}"#);
    let error = refuse_json(GET_GRANT, 422, &json!({"detail": r#"{"issues":[{"code":"x"}]}"#}));
    assert_eq!(error.refusal().unwrap().detail()["issues"][0]["code"], "x");
}

#[test]
fn bodies_without_detail_are_told_too() {
    assert_eq!(refuse(GET_GRANT, 502, "<html>bad gateway</html>").message(), "<html>bad gateway</html>");
    assert_eq!(refuse(GET_GRANT, 409, "").message(), "conflict");
    assert_eq!(refuse(GET_GRANT, 409, "{}").message(), "conflict");
    assert_eq!(refuse(GET_GRANT, 409, r#"{"detail":null}"#).message(), "conflict");
    assert_eq!(refuse_json(GET_GRANT, 400, &json!({"error": "odd"})).message(), r#"{"error":"odd"}"#);
    assert_eq!(refuse(GET_GRANT, 307, "").kind(), ErrorKind::Protocol);
}

#[test]
fn plan_limits_are_a_matter_of_the_plan() {
    for detail in [json!("plan_limit_exceeded: 3 workspaces"), json!({"code": "plan_limit_exceeded", "limit": 3})] {
        let error = refuse_json(TRIGGER_RUN, 403, &json!({ "detail": detail }));
        assert_eq!((error.kind(), error.code()), (ErrorKind::PlanRequired, Some("plan_limit_exceeded")));
        assert!(error.next_step().unwrap().contains("/pricing"));
    }
}

#[test]
fn secrets_in_details_are_masked_and_long_ones_cut() {
    let error = refuse_json(GET_GRANT, 400, &json!({"detail": {"api_key": "egk_live_canary"}}));
    assert!(!format!("{error:?} {error}").contains("canary"), "{error}");
    let error = refuse_json(GET_GRANT, 400, &json!({"detail": "x".repeat(5000)}));
    assert_eq!(error.message().chars().count(), DETAIL_LIMIT + 1);
}

#[test]
fn secrets_within_sentences_are_hidden_and_the_code_beside_them_stays() {
    for said in [
        "BYO_ASSUME_ROLE_FAILED: proxy redis://:canary@h refused",
        "BYO_ASSUME_ROLE_FAILED: at https://user:canary@h/x?sig=canary",
        "BYO_ASSUME_ROLE_FAILED: with api_key=canary",
        "BYO_ASSUME_ROLE_FAILED: started as --password canary1",
        "BYO_ASSUME_ROLE_FAILED: the header was Bearer canary-1234-5678",
        "BYO_ASSUME_ROLE_FAILED: the key AKIACANARYCANARY1234",
        "BYO_ASSUME_ROLE_FAILED: -----BEGIN PRIVATE KEY----- canary",
        "BYO_ASSUME_ROLE_FAILED:\nclient:\n  password: canary\n",
        "BYO_ASSUME_ROLE_FAILED: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl",
    ] {
        for detail in [json!(said), json!({"message": said}), json!([{"loc": ["body"], "msg": said}])] {
            let error = refuse_json(GET_GRANT, 400, &json!({ "detail": detail }));
            let all = format!("{error:?} {error} {:?} {:?}", error.byo(), error.refusal());
            let hidden = !["canary", "CANARY", "eyJzdWIi"].iter().any(|word| all.contains(word));
            assert!(hidden, "{detail}: {all}");
            assert_eq!(error.code(), Some("BYO_ASSUME_ROLE_FAILED"), "{detail}: {all}");
        }
    }
    // What is no secret stays readable.
    let error =
        refuse_json(GET_GRANT, 400, &json!({"detail": "BYO_BUCKET_GONE: token and key are words; see https://h/x"}));
    assert!(error.to_string().contains("token and key are words; see https://h/x"), "{error}");
}

#[test]
fn conflicts_name_the_ways_out() {
    for (operation, words) in [
        (crate::rest::operations::REGISTER_GRANT, "`disconnect` and register again"),
        (ATTACH_ROLE, "`disconnect` first"),
        (DISCONNECT, "delete the workspace's BYO artifacts"),
        (TRIGGER_RUN, "one run at a time"),
    ] {
        let error = refuse_json(operation, 409, &json!({"detail": "conflict"}));
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.next_step().unwrap().contains(words), "{error}");
    }
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "BYO_[A-Z_]{0,12}(: .{0,12})?".prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("detail|code|loc|msg|[a-z]{1,6}", inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

#[test]
fn what_only_begins_like_a_byo_code_is_no_code() {
    for code in ["BYO_", "BYO_x", "BYO_EDGEGATE_AWS_ACCOUNT_ID"] {
        let body = serde_json::json!({"code": code, "detail": "no"}).to_string();
        let error = error_of(REGISTER_ARTIFACT, StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        assert_eq!((error.code(), error.byo().is_some()), (None, false), "{code}");
    }
}

proptest::proptest! {
    #[test]
    fn any_body_gives_one_line_with_the_status(body: Vec<u8>, status in 400_u16..600) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = error_of(GET_GRANT, status, &HeaderMap::new(), &body);
        proptest::prop_assert_eq!(error.status(), Some(status));
        proptest::prop_assert!(!error.to_string().contains('\n'));
    }

    #[test]
    fn any_json_gives_one_line_within_bounds(body in any_json(), status in 400_u16..600) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = error_of(REGISTER_ARTIFACT, status, &HeaderMap::new(), body.to_string().as_bytes());
        proptest::prop_assert!(!error.to_string().contains(char::is_control));
        proptest::prop_assert!(error.message().chars().count() <= DETAIL_LIMIT + 200);
        proptest::prop_assert_eq!(error.byo().is_some(), error.code().is_some_and(|code| code.starts_with("BYO_")));
    }
}
