//! State survives a restart and the loss of the process.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::{ErrorKind, Result};
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model};
use cube_sdk_server::local::World;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Client, GRANTS};

#[tokio::test]
async fn a_restart_keeps_keys_grant_artifacts_runs_and_audit() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::builder().data_dir(dir.path()).start().await.unwrap();
    let owner = Client::owner(&world);
    let grant = owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    let detail = owner.ended(&run).await;
    let audit = owner.audit("").await;
    let card = world.card().clone();
    world.shutdown(Duration::from_secs(5)).await;

    let world = World::builder().data_dir(dir.path()).start().await.unwrap();
    let again = world.card();
    assert_eq!(again.edgegate.workspace, card.edgegate.workspace);
    assert_eq!(again.aws.object_sha256, card.aws.object_sha256);
    let owner = Client::with(&world, &card.edgegate.api_key);
    assert_eq!(owner.get(GRANTS).await, (200, grant));
    assert_eq!(owner.get(&format!("/runs/{run}")).await, (200, detail));
    assert_eq!(owner.audit("").await, audit);
    let run = owner.triggered(&world, &artifact).await;
    assert_eq!(owner.ended(&run).await["status"], "passed");
    let newest = owner.audit("").await[0]["id"].as_i64().unwrap();
    assert!(newest > audit[0]["id"].as_i64().unwrap(), "ids go on growing");
}

#[derive(Clone, Default)]
struct Stuck(Arc<Notify>);

#[async_trait]
impl CellExecutor for Stuck {
    async fn execute(&self, _: &Cell, _: &Model) -> Result<CellReport> {
        self.0.notify_one();
        std::future::pending().await
    }
}

/// The process is lost: nothing is shut down, and the files are taken as they lie.
#[tokio::test]
async fn what_was_acknowledged_survives_the_loss_of_the_process() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stuck = Stuck::default();
    let world = World::builder().data_dir(dir.path()).executor(stuck.clone()).start().await.unwrap();
    let owner = Client::owner(&world);
    let grant = owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    stuck.0.notified().await;
    let audit = owner.audit("").await;
    copy_dir(dir.path(), copy.path());
    let key = world.card().edgegate.api_key.clone();
    drop(world);

    let world = World::builder().data_dir(copy.path()).start().await.unwrap();
    let owner = Client::with(&world, &key);
    assert_eq!(owner.get(GRANTS).await, (200, grant));
    assert_eq!(owner.audit("").await, audit);
    let (_, detail) = owner.get(&format!("/runs/{run}")).await;
    assert_eq!((&detail["status"], &detail["error_code"]), (&json!("error"), &json!("RUN_INTERRUPTED")));
    let failed = |cell: &Value| cell["status"] == "failed" && cell["error_code"] == "RUN_INTERRUPTED";
    assert!(detail["cells"].as_array().unwrap().iter().all(failed));
    let again = owner.triggered(&world, &artifact).await;
    assert_eq!(owner.ended(&again).await["status"], "passed", "the slot is free again");
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn one_service_at_a_time_runs_on_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let first = World::builder().data_dir(dir.path()).start().await.unwrap();
    let error = World::builder().data_dir(dir.path()).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    drop(first);
    World::builder().data_dir(dir.path()).start().await.unwrap();
    let mode = std::fs::metadata(dir.path().join("edgegate.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The process is lost after the run was stored and before it began.
#[tokio::test]
async fn a_queued_run_is_executed_by_the_next_start() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stuck = Stuck::default();
    let world = World::builder().data_dir(dir.path()).executor(stuck.clone()).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    stuck.0.notified().await;
    copy_dir(dir.path(), copy.path());
    drop(world);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(copy.path().join("edgegate.sqlite"));
    let database = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("UPDATE runs SET status = 'queued'").execute(&database).await.unwrap();
    sqlx::query("UPDATE cells SET status = 'queued', started_at = NULL").execute(&database).await.unwrap();
    database.close().await;

    let world = World::builder().data_dir(copy.path()).start().await.unwrap();
    assert_eq!(Client::owner(&world).ended(&run).await["status"], "passed");
}
