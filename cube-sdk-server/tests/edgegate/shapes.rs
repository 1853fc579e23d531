//! The exact fields of each reply: the published client reads them by name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, GRANTS, world};

fn fields(value: &Value) -> Vec<String> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

fn assert_fields(value: &Value, wanted: &str) {
    let mut wanted: Vec<_> = wanted.split_whitespace().map(str::to_owned).collect();
    wanted.sort();
    assert_eq!(fields(value), wanted);
}

#[tokio::test]
async fn contracts_list_metrics_operators_and_statuses_without_a_key() {
    let world = world().await.start().await.unwrap();
    let (status, contracts) = Client::owner(&world).without_key().raw(Method::GET, "/v1/_contracts", None).await;
    assert_eq!(status, 200);
    assert_fields(&contracts, "valid_gate_metrics valid_gate_operators run_statuses_terminal run_statuses_in_flight");
    let metrics = contracts["valid_gate_metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 32);
    assert!(metrics.contains(&json!("tps")) && !metrics.contains(&json!("throughput_tps")));
    assert_eq!(contracts["valid_gate_operators"], json!(["lte", "lt", "gte", "gt", "eq"]));
    assert_eq!(contracts["run_statuses_terminal"], json!(["passed", "failed", "error", "cancelled"]));
    let in_flight = ["queued", "preparing", "submitting", "running", "collecting", "evaluating", "reporting"];
    assert_eq!(contracts["run_statuses_in_flight"], json!(in_flight));
}

#[tokio::test]
async fn grants_show_every_field_also_when_null() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    let grant = owner.pending(&world).await;
    assert_fields(
        &grant,
        "id workspace_id role_arn external_id bucket region kms_key_id status last_verified_at last_verify_error
         created_at updated_at",
    );
    for field in ["role_arn", "kms_key_id", "last_verified_at", "last_verify_error"] {
        assert!(grant[field].is_null(), "{field}");
    }
    assert_eq!(grant["status"], "pending_role");
    assert_eq!(grant["workspace_id"], world.card().edgegate.workspace);
    assert_eq!(owner.get(GRANTS).await, (200, grant), "the External ID can be read again");
}

#[tokio::test]
async fn artifacts_runs_and_the_audit() {
    let world = world().await.start().await.unwrap();
    let admin = Client::admin(&world);
    Client::owner(&world).active(&world).await;
    let artifact = admin.registered(&world).await;
    let run = admin.triggered(&world, &artifact).await;
    let detail = admin.ended(&run).await;
    let summary = "id pipeline_id pipeline_name status trigger model_artifact_id model_filename error_code error_detail
        created_at updated_at completed_at hub_model_id hub_job_id";
    assert_fields(&detail, &format!("{summary} normalized_metrics gates_eval bundle_artifact_id cells"));
    let (_, list) = admin.get("/runs?limit=1").await;
    assert_fields(&list[0], summary);
    assert_fields(&detail["gates_eval"], "passed gates");
    assert_fields(&detail["gates_eval"]["gates"][0], "metric operator threshold passed description actual_value");
    let (_, bundle) = admin.get(&format!("/runs/{run}/bundle")).await;
    assert_fields(
        &bundle,
        "run_id status pipeline_id pipeline_name normalized_metrics gates_eval bundle_artifact_id cells",
    );
    let (_, pipelines) = admin.get("/pipelines").await;
    assert_fields(
        &pipelines[0],
        "id name device_count model_count gate_count cell_count promptpack_id promptpack_version created_at
         updated_at last_run",
    );
    assert_fields(&pipelines[0]["last_run"], "id status created_at");
    let row = admin.audit("").await.remove(0);
    for field in "id event_type aws_request_id role_arn bucket s3_key bytes_read worker_hostname outcome error_code
        artifact_id run_id ts attempt_id"
        .split_whitespace()
    {
        assert!(row.get(field).is_some(), "{field}");
    }
}
