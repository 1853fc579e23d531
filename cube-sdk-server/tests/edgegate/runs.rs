//! Runs: measured, gated, one at a time, cancelled, bundled.

use std::sync::Arc;

use async_trait::async_trait;
use cube_sdk_core::{Error, ErrorKind, Result};
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model};
use cube_sdk_testkit::aws::{Object, Restore};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{ARTIFACTS, Client, GRANTS, uri, world};

#[tokio::test]
async fn every_cell_reads_the_model_whole_and_checks_it() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    let detail = owner.ended(&run).await;
    assert_eq!(detail["status"], "passed", "{detail}");
    assert!(detail["error_code"].is_null() && detail["error_detail"].is_null());
    assert_eq!((&detail["model_filename"], &detail["trigger"]), (&json!("projection.onnx"), &json!("manual")));
    let cells = detail["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 3);
    for cell in cells {
        assert_eq!((&cell["status"], &cell["sha256"]), (&json!("passed"), &json!(card.object_sha256)));
        assert_eq!(cell["size_bytes"], card.object_size);
        assert!(cell["metrics"]["first_load_time_ms"].as_f64().unwrap() > 0.0);
        assert!(cell["metrics"]["read_mib_per_s"].as_f64().unwrap() > 0.0);
        assert_eq!(cell["metrics"]["model_bytes"], card.object_size as f64);
    }
    assert_eq!(detail["gates_eval"]["passed"], true);
    let worst = detail["gates_eval"]["gates"][0]["actual_value"].as_f64().unwrap();
    assert!(cells.iter().all(|cell| cell["metrics"]["first_load_time_ms"].as_f64().unwrap() <= worst));

    let (status, document) =
        owner.get(&format!("/artifacts/{}/download", detail["bundle_artifact_id"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    assert_eq!((&document["run_id"], &document["status"]), (&json!(run), &json!("passed")));
    assert_eq!(document["cells"], detail["cells"]);
    let (_, pipelines) = owner.get("/pipelines").await;
    assert_eq!(pipelines[0]["last_run"]["id"], json!(run));
}

#[tokio::test]
async fn an_overwritten_object_is_an_integrity_mismatch() {
    let world = world().await.start().await.unwrap();
    let (owner, card) = (Client::owner(&world), world.card().aws.clone());
    owner.active(&world).await;
    // With the digest expected, and without: then the ETag notices.
    let expecting = owner.registered(&world).await;
    let (_, plain) = owner.post(ARTIFACTS, uri(&world, &card.object_key)).await;
    world.aws().put_object(&card.bucket, &card.object_key, Object::generated(99, card.object_size)).unwrap();
    for artifact in [expecting.as_str(), plain["id"].as_str().unwrap()] {
        let run = owner.triggered(&world, artifact).await;
        let detail = owner.ended(&run).await;
        assert_eq!(
            (&detail["status"], &detail["error_code"]),
            (&json!("failed"), &json!("BYO_INTEGRITY_MISMATCH")),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_wrong_expected_digest_is_found_at_the_read() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let mut body = uri(&world, &world.card().aws.object_key);
    body["expected_sha256"] = json!("0".repeat(64));
    let (_, artifact) = owner.post(ARTIFACTS, body).await;
    let run = owner.triggered(&world, artifact["id"].as_str().unwrap()).await;
    assert_eq!(owner.ended(&run).await["error_code"], "BYO_INTEGRITY_MISMATCH");
}

#[tokio::test]
async fn unknown_rows_and_missing_models_are_refused() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let (pipeline, nobody) = (&world.card().edgegate.pipeline, "00000000-0000-4000-8000-000000000000");
    let post = async |pipeline: &str, model: Value| {
        owner.post("/runs", json!({ "pipeline_id": pipeline, "model_artifact_id": model })).await.0
    };
    assert_eq!(post(nobody, json!(artifact)).await, 404);
    assert_eq!(post(pipeline, json!(nobody)).await, 404);
    assert_eq!(post(pipeline, Value::Null).await, 400);
    assert_eq!(post("x", json!(artifact)).await, 422);
    for path in ["", "/bundle"] {
        assert_eq!(owner.get(&format!("/runs/{nobody}{path}")).await.0, 404);
    }
    assert_eq!(owner.post_empty(&format!("/runs/{nobody}/cancel")).await.0, 404);
    assert_eq!(owner.get("/runs?limit=0").await.0, 422);
    assert_eq!(owner.get("/runs").await, (200, json!([])));
}

#[tokio::test]
async fn a_matrix_runs_every_model_on_every_device() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let body = json!({ "name": "Matrix",
        "device_matrix": [{ "name": "one", "enabled": true }, { "name": "off", "enabled": false }],
        "promptpack_ref": { "promptpack_id": world.card().edgegate.promptpack, "version": "1.0.0" },
        "gates": [{ "metric": "tps", "operator": "gte", "threshold": 1 }],
        "model_matrix": [{ "label": "a", "artifact_id": artifact }, { "label": "b", "artifact_id": artifact }] });
    let (status, pipeline) = owner.post("/pipelines", body).await;
    assert_eq!((status, &pipeline["cell_count"]), (201, &json!(2)), "{pipeline}");
    let (status, run) = owner.post("/runs", json!({ "pipeline_id": pipeline["id"], "trigger": "ci" })).await;
    assert_eq!((status, &run["trigger"]), (202, &json!("ci")));
    let detail = owner.ended(run["id"].as_str().unwrap()).await;
    assert_eq!(detail["cells"].as_array().unwrap().len(), 2);
    // The default executor measures no tokens: the gate fails with null, and so does the run.
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("failed"), &Value::Null));
    let gate = &detail["gates_eval"]["gates"][0];
    assert_eq!((&gate["passed"], &gate["actual_value"]), (&json!(false), &Value::Null));
    let (_, listed) = owner.get(&format!("/runs?pipeline_id={}", pipeline["id"].as_str().unwrap())).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

/// Waits inside the first cell for good.
#[derive(Clone, Default)]
struct Stuck(Arc<Notify>);

#[async_trait]
impl CellExecutor for Stuck {
    async fn execute(&self, _: &Cell, _: &Model) -> Result<CellReport> {
        self.0.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn one_run_at_a_time_until_it_is_cancelled() {
    let stuck = Stuck::default();
    let world = world().await.executor(stuck.clone()).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let body = json!({ "pipeline_id": world.card().edgegate.pipeline, "model_artifact_id": artifact });
    let replies = futures_util::future::join_all((0..4).map(|_| owner.post("/runs", body.clone()))).await;
    let accepted: Vec<_> = replies.iter().filter(|(status, _)| *status == 202).collect();
    assert_eq!((accepted.len(), replies.iter().filter(|(status, _)| *status == 409).count()), (1, 3));
    let run = accepted[0].1["id"].as_str().unwrap();
    stuck.0.notified().await;
    assert_eq!(owner.get(&format!("/runs/{run}")).await.1["status"], "running");
    assert_eq!(owner.get(&format!("/runs/{run}/bundle")).await.0, 409, "not ended yet");

    let cancel = format!("/runs/{run}/cancel");
    assert_eq!(owner.post_empty(&cancel).await, (200, json!({ "run_id": run, "status": "cancelled" })));
    assert_eq!(owner.post_empty(&cancel).await.0, 409);
    let detail = owner.get(&format!("/runs/{run}")).await.1;
    assert_eq!(detail["status"], "cancelled");
    assert!(
        detail["cells"]
            .as_array()
            .unwrap()
            .iter()
            .all(|cell| cell["status"] == "failed" && cell["error_code"] == "CANCELLED")
    );
    assert_eq!(owner.get(&format!("/runs/{run}/bundle")).await.0, 404);
    assert_eq!(owner.post("/runs", body).await.0, 202, "the slot is free");
}

struct Broken;

#[async_trait]
impl CellExecutor for Broken {
    async fn execute(&self, cell: &Cell, _: &Model) -> Result<CellReport> {
        let error = Error::new(ErrorKind::Unavailable, "the device is offline");
        Err(if cell.position == 0 { error } else { error.with_code("COMPILE_FAILED") })
    }
}

#[tokio::test]
async fn a_fault_of_this_side_is_error() {
    let world = world().await.executor(Broken).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    let detail = owner.ended(&run).await;
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("error"), &json!("CELL_EXECUTION_ERROR")));
    assert_eq!(detail["cells"][2]["error_code"], "COMPILE_FAILED");
    assert_eq!(owner.get(&format!("/runs/{run}/bundle")).await.0, 404);
}

/// Panics in the second cell.
struct Panicking;

#[async_trait]
impl CellExecutor for Panicking {
    async fn execute(&self, cell: &Cell, _: &Model) -> Result<CellReport> {
        assert_ne!(cell.position, 1, "the device's driver is broken");
        Ok(CellReport::default())
    }
}

#[tokio::test]
async fn an_executor_that_panics_ends_its_cell_and_the_run() {
    let world = world().await.executor(Panicking).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    for _ in 0..2 {
        // The second time: the slot is free again, and the runner still there.
        let run = owner.triggered(&world, &artifact).await;
        let detail = owner.ended(&run).await;
        assert_eq!((&detail["status"], &detail["error_code"]), (&json!("error"), &json!("CELL_EXECUTION_ERROR")));
        let why = detail["error_detail"].as_str().unwrap();
        assert!(why.contains("panicked") && why.contains("the device's driver is broken"), "{why}");
        assert_eq!(detail["cells"][2]["error_code"], Value::Null, "the others were tried: {detail}");
    }
}

/// A lifecycle rule of the customer's archives the model: registered it stays, its runs fail on the customer's side, and
/// the grant stands.
#[tokio::test]
async fn a_model_that_is_archived_fails_its_run_and_nothing_else() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let card = &world.card().aws;
    let model = || Object::generated(60, 1 << 20);
    let put = |object| world.aws().put_object(&card.bucket, "cold.bin", object).unwrap();
    put(model().storage_class("DEEP_ARCHIVE"));
    let (status, artifact) = owner.post(ARTIFACTS, uri(&world, "cold.bin")).await;
    assert_eq!(status, 201, "only a HEAD is made: {artifact}");
    let artifact = artifact["id"].as_str().unwrap().to_owned();
    for (object, expected, code) in [
        (model().storage_class("DEEP_ARCHIVE"), "failed", json!("InvalidObjectState")),
        (model().storage_class("GLACIER").restore(Restore::InProgress), "failed", json!("InvalidObjectState")),
        (model().archive_tier("DEEP_ARCHIVE_ACCESS"), "failed", json!("InvalidObjectState")),
        (model().storage_class("GLACIER_IR"), "passed", Value::Null),
    ] {
        put(object);
        let run = owner.triggered(&world, &artifact).await;
        let detail = owner.ended(&run).await;
        assert_eq!((&detail["status"], &detail["error_code"]), (&json!(expected), &code), "{detail}");
        let (status, grant) = owner.post_empty(&format!("{GRANTS}/verify")).await;
        assert_eq!((status, &grant["status"]), (200, &json!("active")), "{grant}");
    }
}

#[tokio::test]
async fn a_run_on_a_byo_artifact_needs_the_plan() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    assert_eq!(Client::free(&world).call(Method::GET, "/runs", None).await.0, 200);
    // The free workspace does not know the other's artifact.
    let body = json!({ "pipeline_id": world.card().edgegate.pipeline, "model_artifact_id": artifact });
    assert_eq!(Client::free(&world).post("/runs", body).await.0, 404);
}
