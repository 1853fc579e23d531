//! A role revoked in the middle of a run, in both ways that AWS knows.

use std::sync::Arc;

use async_trait::async_trait;
use cube_sdk_core::Result;
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model, StreamingExecutor};
use cube_sdk_server::local::World;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::iam;
use crate::support::{Client, world};

/// Stops inside the second cell, with its session taken and its first chunk read, until it is told to go on.
#[derive(Clone, Default)]
struct Stepped(Arc<Steps>);

struct Steps {
    inside: Notify,
    go_on: Semaphore,
}

impl Default for Steps {
    fn default() -> Self {
        Self { inside: Notify::new(), go_on: Semaphore::new(0) }
    }
}

#[async_trait]
impl CellExecutor for Stepped {
    async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport> {
        if cell.position == 1 {
            let mut reader = model.open().await?;
            reader.next().await.unwrap()?;
            self.0.inside.notify_one();
            self.0.go_on.acquire().await.unwrap().forget();
        }
        StreamingExecutor::default().execute(cell, model).await
    }
}

/// Runs the three cells with a change made while the second one is in flight; the run's detail.
async fn revoked(change: impl AsyncFn(&World)) -> (World, Client, String, Value) {
    let stepped = Stepped::default();
    let world = world().await.executor(stepped.clone()).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    stepped.0.inside.notified().await;
    change(&world).await;
    stepped.0.go_on.add_permits(1);
    let detail = owner.ended(&run).await;
    // A later run is not held up.
    stepped.0.go_on.add_permits(1);
    (world, owner, artifact, detail)
}

fn cells(detail: &Value) -> Vec<(&str, &Value)> {
    detail["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| (cell["status"].as_str().unwrap(), &cell["error_code"]))
        .collect()
}

#[tokio::test]
async fn a_closed_trust_policy_lets_the_cell_in_flight_complete_and_fails_the_rest() {
    let (world, owner, artifact, detail) = revoked(iam::close_trust).await;
    let code = json!("BYO_ASSUME_ROLE_FAILED");
    assert_eq!(cells(&detail), [("passed", &Value::Null), ("passed", &Value::Null), ("failed", &code)]);
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("failed"), &code), "failed, and not error");
    assert!(detail["error_detail"].as_str().unwrap().starts_with("1 of 3 cells failed: BYO_ASSUME_ROLE_FAILED"));
    let (status, bundle) = owner.get(&format!("/runs/{}/bundle", detail["id"].as_str().unwrap())).await;
    assert_eq!(status, 200);
    assert_eq!(bundle["cells"][1]["sha256"], world.card().aws.object_sha256, "successful cells are kept");

    iam::open_trust(&world).await;
    let again = owner.triggered(&world, &artifact).await;
    assert_eq!(owner.ended(&again).await["status"], "passed", "nothing to clean: repair and run again");
}

#[tokio::test]
async fn denied_sessions_break_the_cell_in_flight_too() {
    let (_world, _owner, _artifact, detail) = revoked(iam::revoke_sessions).await;
    let (denied, refused) = (json!("BYO_OBJECT_ACCESS_DENIED"), json!("BYO_ASSUME_ROLE_FAILED"));
    assert_eq!(cells(&detail), [("passed", &Value::Null), ("failed", &denied), ("failed", &refused)]);
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("failed"), &denied));
    assert!(detail["bundle_artifact_id"].is_string());
}

#[tokio::test]
async fn a_role_revoked_before_the_first_cell_fails_the_run_as_well() {
    let world = world().await.start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    iam::close_trust(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    let detail = owner.ended(&run).await;
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("failed"), &json!("BYO_ASSUME_ROLE_FAILED")));
    assert!(cells(&detail).iter().all(|(status, _)| *status == "failed"));
    assert!(detail["bundle_artifact_id"].is_string());
    let rows = owner.audit(&format!("&run_id={run}")).await;
    assert_eq!(rows.len(), 3, "each cell tried, and each try is a row");
}
