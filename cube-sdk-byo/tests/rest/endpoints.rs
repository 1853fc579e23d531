//! Each call as it stands on the wire: method, path, query, body, headers.

use cube_sdk_byo::EdgeGate;
use cube_sdk_byo::rest::{
    ApiKeyId, ArtifactKind, ConfirmRotation, Gate, GateMetric, GateOperator, ModelSource, OPERATIONS, Plan, RunStatus,
    RunTrigger,
};
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::fixtures::*;

const AT: &str = "/v1/workspaces/0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11";

async fn on(server: &MockServer, verb: &str, at: &str, status: u16, body: &Value) {
    let answer =
        if body.is_null() { ResponseTemplate::new(status) } else { ResponseTemplate::new(status).set_body_json(body) };
    Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(server).await;
}

/// The one request that was sent, its common headers checked.
async fn sent(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    check_headers(&request);
    request
}

fn check_headers(request: &Request) {
    let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("authorization"), Some("Bearer egk_live_canary_0123456789"));
    assert_eq!(header("user-agent"), Some(concat!("cube-sdk/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("content-type"), (!request.body.is_empty()).then_some("application/json"));
}

/// One call against one answer: what was asked, and that nothing else was.
async fn exchange<T, F>(
    verb: &str,
    at: &str,
    status: u16,
    reply: &Value,
    call: impl FnOnce(EdgeGate) -> F,
) -> (T, Request)
where
    F: Future<Output = cube_sdk_core::Result<T>>,
{
    let (server, edgegate) = served().await;
    on(&server, verb, at, status, reply).await;
    let value = call(edgegate).await.unwrap();
    (value, sent(&server).await)
}

fn body_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn workspaces() {
    let row = json!({"id": WS, "name": "acme", "plan": "enterprise", "new_field": 1});
    let (list, request) =
        exchange("GET", "/v1/workspaces", 200, &json!([row, {"id": RUN, "name": "b"}]), |e| async move {
            e.workspaces().list().await
        })
        .await;
    assert!(request.body.is_empty());
    assert_eq!((list[0].plan.clone(), list[1].plan.clone()), (Some(Plan::Enterprise), None));
    let (one, _) = exchange("GET", AT, 200, &row, |e| async move { e.workspaces().get(WS).await }).await;
    assert_eq!(one.name, "acme");
}

#[tokio::test]
async fn api_keys() {
    let at = format!("{AT}/api-keys");
    let row = json!({"id": API_KEY, "name": "ci", "prefix": "egk_live_", "suffix": "6789", "last_used_at": null,
        "expires_at": null, "revoked_at": "2026-07-01T08:00:00Z", "created_at": "2026-07-01T07:00:00Z"});
    let (list, _) =
        exchange("GET", &at, 200, &json!([row]), |e| async move { workspace(&e).api_keys().list().await }).await;
    assert!(!list[0].is_active(cube_sdk_core::Timestamp::now()));
    let created = json!({"id": API_KEY, "plaintext": "egk_live_once", "name": "ci", "prefix": "egk_live_",
        "suffix": "once", "created_at": "2026-07-01T07:00:00Z", "expires_at": null});
    let (made, request) =
        exchange("POST", &at, 201, &created, |e| async move { workspace(&e).api_keys().create("ci").await }).await;
    assert_eq!(request.body, br#"{"name":"ci","expires_at":null}"#);
    assert_eq!(made.plaintext.expose_secret(), "egk_live_once");
    assert!(!format!("{made:?}").contains("egk_live_once"));
    let id: ApiKeyId = API_KEY.parse().unwrap();
    let one = format!("{at}/{API_KEY}");
    let ((), _) =
        exchange("DELETE", &one, 204, &Value::Null, |e| async move { workspace(&e).api_keys().revoke(id).await }).await;
}

#[tokio::test]
async fn setup_info_of_any_plan() {
    let at = format!("{AT}/byo-storage/setup-info");
    let (info, _) = exchange("GET", &at, 200, &setup_info(), |e| async move { byo(&e).setup_info().await }).await;
    assert_eq!(info.principal().unwrap().name(), "edgegate-worker");
    // An operator who set nothing up yet: placeholders, nulls and absent fields are no error by themselves.
    let bare = json!({"edgegate_aws_account_id": "<EDGEGATE_ACCOUNT_ID>", "terraform_template": null,
        "setup_info_warning": "account not set"});
    let (info, _) = exchange("GET", &at, 200, &bare, |e| async move { byo(&e).setup_info().await }).await;
    let error = info.principal().unwrap_err();
    assert_eq!(error.target(), Some("BYO_EDGEGATE_AWS_ACCOUNT_ID"));
    assert!(error.to_string().contains("account not set"), "{error}");
}

#[tokio::test]
async fn register_in_one_phase() {
    let at = format!("{AT}/byo-storage/grants");
    let reply = failed_grant("BYO_ASSUME_ROLE_FAILED: not authorized");
    let (grant, request) =
        exchange("POST", &at, 201, &reply, |e| async move { byo(&e).register(ROLE, BUCKET, REGION).await }).await;
    let body = format!(r#"{{"role_arn":"{ROLE}","bucket":"acme-edge-models","region":"eu-central-1"}}"#);
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(grant.failure().unwrap().code().as_str(), "BYO_ASSUME_ROLE_FAILED");
    assert_eq!(grant.external_id.as_str(), EXTERNAL_ID);
    let (_, request) = exchange("POST", &at, 201, &active_grant(), |e| async move {
        byo(&e).register(ROLE, BUCKET, REGION).kms_key(KMS_KEY).await
    })
    .await;
    assert_eq!(body_of(&request)["kms_key_id"], KMS_KEY);
}

#[tokio::test]
async fn read_verify_attach_rotate_disconnect() {
    let at = format!("{AT}/byo-storage/grants");
    let (grant, _) = exchange("GET", &at, 200, &active_grant(), |e| async move { byo(&e).grant().await }).await;
    assert!(grant.is_active() && grant.failure().is_none() && grant.checklist().is_empty());
    let verify = format!("{at}/verify");
    let reply = failed_grant("BYO_REGION_MISMATCH");
    let (grant, request) = exchange("POST", &verify, 200, &reply, |e| async move { byo(&e).verify().await }).await;
    assert!(request.body.is_empty());
    assert_eq!(grant.checklist()[0].code.as_str(), "BYO_REGION_MISMATCH");
    assert_eq!(grant.checklist().len(), 5);
    let attach = format!("{at}/attach-role");
    let (grant, request) =
        exchange("POST", &attach, 200, &active_grant(), |e| async move { byo(&e).attach_role(ROLE).await }).await;
    assert_eq!(request.body, format!(r#"{{"role_arn":"{ROLE}"}}"#).as_bytes());
    assert_eq!(grant.role().unwrap().name(), "edgegate-byo-read-c2b7a6d4");
    let ((), request) = exchange("DELETE", &at, 204, &Value::Null, |e| async move { byo(&e).disconnect().await }).await;
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn rotation_reads_the_principal_first() {
    let (server, edgegate) = served().await;
    on(&server, "GET", &format!("{AT}/byo-storage/setup-info"), 200, &setup_info()).await;
    let mut rotated = failed_grant("BYO_ASSUME_ROLE_FAILED");
    rotated["external_id"] = "11111111-2222-4333-8444-555555555555".into();
    rotated["kms_key_id"] = KMS_KEY.into();
    on(&server, "POST", &format!("{AT}/byo-storage/grants/{GRANT}/rotate-external-id"), 200, &rotated).await;
    let grant = serde_json::from_value(active_grant()).unwrap();
    let confirm = ConfirmRotation::reads_fail_until_the_trust_policy_is_edited(&grant);
    let done = byo(&edgegate).rotate_external_id(confirm).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    requests.iter().for_each(check_headers);
    assert_eq!(requests.len(), 2);
    assert!(requests[1].body.is_empty());
    assert_eq!(done.previous.as_str(), EXTERNAL_ID);
    assert_eq!(done.role.role_name().as_str(), "edgegate-byo-read-c2b7a6d4", "the attached role keeps its name");
    assert!(done.role.trust_policy().to_string().contains("11111111-2222-4333-8444-555555555555"));
    assert_eq!(done.role.key().unwrap().as_str(), KMS_KEY);
}

#[tokio::test]
async fn register_an_artifact() {
    let at = format!("{AT}/artifacts/byo");
    for status in [200, 201] {
        let (made, request) = exchange("POST", &at, status, &artifact(), |e| async move {
            byo(&e).register_artifact("s3://acme-edge-models/vision/net.onnx").await
        })
        .await;
        assert_eq!(request.body, br#"{"s3_uri":"s3://acme-edge-models/vision/net.onnx"}"#);
        assert_eq!(made.digest(), None, "never read, so never verified");
        assert_eq!(made.s3_uri().unwrap().to_string(), "s3://acme-edge-models/vision/net.onnx");
    }
    let digest = "a".repeat(64);
    let mut reply = artifact();
    reply["sha256"] = digest.clone().into();
    let asked = digest.clone();
    let (made, request) = exchange("POST", &at, 201, &reply, |e| async move {
        byo(&e)
            .register_artifact("s3://abc/dir/M odel.onnx")
            .expected_sha256(asked)
            .expected_size(1)
            .kind(ArtifactKind::Model)
            .original_filename("model.onnx")
            .await
    })
    .await;
    let body = json!({"s3_uri": "s3://abc/dir/M odel.onnx", "expected_sha256": digest, "expected_size": 1,
        "kind": "model", "original_filename": "model.onnx"});
    assert_eq!(body_of(&request), body);
    assert_eq!(made.digest().unwrap().to_string(), digest);
}

#[tokio::test]
async fn delete_an_artifact() {
    let at = format!("{AT}/artifacts/{ARTIFACT}");
    let ((), _) =
        exchange("DELETE", &at, 204, &Value::Null, |e| async move { workspace(&e).artifacts().delete(ARTIFACT).await })
            .await;
}

#[tokio::test]
async fn pipelines() {
    let at = format!("{AT}/pipelines");
    let (found, _) =
        exchange(
            "GET",
            &at,
            200,
            &json!([pipeline()]),
            |e| async move { workspace(&e).pipelines().get(PIPELINE).await },
        )
        .await;
    assert!(found.is_single_model());
    assert_eq!(found.last_run.unwrap().status, RunStatus::Passed);
    let (_, request) = exchange("POST", &at, 201, &pipeline(), |e| async move {
        let gate = Gate::metric(GateMetric::FirstLoadTimeMs, GateOperator::Lte, 600_000.0);
        workspace(&e).pipelines().create("gate", "smoke").device("sm8550").gate(gate).await
    })
    .await;
    let least = json!({"name": "gate", "device_matrix": [{"name": "sm8550", "enabled": true}],
        "promptpack_ref": {"promptpack_id": "smoke", "version": "1.0.0"},
        "gates": [{"metric": "first_load_time_ms", "operator": "lte", "threshold": 600_000.0}]});
    assert_eq!(body_of(&request), least);
    let (_, request) = exchange("POST", &at, 201, &pipeline(), |e| async move {
        workspace(&e)
            .pipelines()
            .create("gate", "smoke")
            .promptpack_version("2.1.0")
            .device("a")
            .gate(Gate::composition("*", "CPU".into(), GateOperator::Eq, 0).description("all on the NPU"))
            .model("net", ModelSource::ArtifactId(ARTIFACT.parse()?))
            .model("llm", ModelSource::LlmCompileSource(json!({"source_artifact_ids": [ARTIFACT]})))
            .measurement_repeats(5)
            .input("x", &[1, 3, 224, 224], "float32")
            .await
    })
    .await;
    let full = json!({"name": "gate", "device_matrix": [{"name": "a", "enabled": true}],
        "promptpack_ref": {"promptpack_id": "smoke", "version": "2.1.0"},
        "gates": [{"type": "composition", "op_type": "*", "compute_unit": "CPU", "operator": "eq", "threshold": 0,
            "description": "all on the NPU"}],
        "model_matrix": [{"label": "net", "artifact_id": ARTIFACT},
            {"label": "llm", "llm_compile_source": {"source_artifact_ids": [ARTIFACT]}}],
        "run_policy": {"measurement_repeats": 5},
        "input_specs": {"x": {"shape": [1, 3, 224, 224], "dtype": "float32"}}});
    assert_eq!(body_of(&request), full);
}

#[tokio::test]
async fn runs() {
    let at = format!("{AT}/runs");
    let (started, request) = exchange("POST", &at, 202, &run("pending"), |e| async move {
        workspace(&e).runs().trigger(PIPELINE).model(ARTIFACT).await
    })
    .await;
    let body = format!(r#"{{"pipeline_id":"{PIPELINE}","trigger":"manual","model_artifact_id":"{ARTIFACT}"}}"#);
    assert_eq!(request.body, body.as_bytes());
    assert!(!started.has_ended());
    let (_, request) = exchange("POST", &at, 202, &run("queued"), |e| async move {
        workspace(&e).runs().trigger(PIPELINE).trigger(RunTrigger::Ci).await
    })
    .await;
    assert_eq!(request.body, format!(r#"{{"pipeline_id":"{PIPELINE}","trigger":"ci"}}"#).as_bytes());
    let (list, request) = exchange("GET", &at, 200, &json!([run("passed")]), |e| async move {
        workspace(&e).runs().list().limit(5).pipeline(PIPELINE).await
    })
    .await;
    assert_eq!(request.url.query(), Some(format!("limit=5&pipeline_id={PIPELINE}").as_str()));
    assert_eq!(list[0].status, RunStatus::Passed);
    let one = format!("{at}/{RUN}");
    let (_, _) =
        exchange("GET", &one, 200, &run("running"), |e| async move { workspace(&e).runs().get(RUN).await }).await;
    let cancel = format!("{one}/cancel");
    let (cancelled, request) =
        exchange("POST", &cancel, 200, &json!({"run_id": RUN, "status": "cancelled"}), |e| async move {
            workspace(&e).runs().cancel(RUN).await
        })
        .await;
    assert!(request.body.is_empty());
    assert!(cancelled.status.is_terminal());
    let bundle = format!("{one}/bundle");
    let reply = json!({"run_id": RUN, "status": "failed", "pipeline_id": PIPELINE, "pipeline_name": "gate",
        "normalized_metrics": null, "gates_eval": null, "bundle_artifact_id": null});
    let (bundle, _) =
        exchange("GET", &bundle, 200, &reply, |e| async move { workspace(&e).runs().bundle(RUN).await }).await;
    assert!(bundle.cells.is_empty());
}

#[tokio::test]
async fn contracts_with_and_without_a_key() {
    let reply = json!({"valid_gate_metrics": ["tps", "later"], "valid_gate_operators": ["lte"],
        "run_statuses_terminal": ["passed"], "run_statuses_in_flight": null});
    let (contracts, _) = exchange("GET", "/v1/_contracts", 200, &reply, |e| async move { e.contracts().await }).await;
    assert_eq!(contracts.valid_gate_metrics[0], GateMetric::Tps);
    assert!(!contracts.valid_gate_metrics[1].is_known());
    let (server, _) = served().await;
    on(&server, "GET", "/v1/_contracts", 200, &reply).await;
    EdgeGate::builder().base_url(server.uri()).build().unwrap().contracts().await.unwrap();
    assert!(!server.received_requests().await.unwrap()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let (server, _) = served().await;
    on(&server, "GET", "/proxy/v1/workspaces", 200, &json!([])).await;
    let key = SecretString::from(format!("  {KEY}\n"));
    let client = EdgeGate::builder().base_url(format!("{}/proxy/", server.uri())).api_key(key).build().unwrap();
    assert!(client.workspaces().list().await.unwrap().is_empty());
    check_headers(&server.received_requests().await.unwrap()[0]);
}

#[test]
fn every_operation_belongs_to_this_service() {
    assert_eq!(OPERATIONS.len(), 25);
    assert!(OPERATIONS.iter().all(|operation| operation.service() == "edgegate"));
}
