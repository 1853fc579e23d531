//! The BYO service in a program of one's own, with one's own measuring of models:
//! `cargo run -p cube-sdk-server --features local --example own_executor`.
//!
//! The world brings the customer's account; in production the service is built as the crate's front page shows, with
//! `EdgeGateService::builder(…).executor(…)`.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use std::time::{Duration, Instant};

use async_trait::async_trait;
use cube_sdk_byo::EdgeGate;
use cube_sdk_core::Result;
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model};
use cube_sdk_server::local::World;

/// Reads each model to its end, and tells how long that took and how large it was.
struct Loading;

#[async_trait]
impl CellExecutor for Loading {
    async fn execute(&self, cell: &Cell, model: &Model) -> Result<CellReport> {
        let began = Instant::now();
        // A `BYO_*` fault in here makes the run failed with that code; the row of the call is in the audit either way.
        let mut reader = model.open().await?;
        let mut bytes = 0;
        while let Some(chunk) = reader.try_next().await? {
            bytes += chunk.len();
        }
        println!("{}: {bytes} bytes of {}", cell.device, model.original_filename().unwrap_or("a model"));
        Ok(CellReport::default().metric("load_ms", began.elapsed().as_secs_f64() * 1000.0))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::builder().executor(Loading).start().await?;
    let card = world.card();

    let workspace = EdgeGate::builder().environment(world.environment()).build()?.workspace(&card.edgegate.workspace);
    let byo = workspace.byo();
    byo.register(&card.aws.role_arn, &card.aws.bucket, &card.aws.region).await?;
    let model = byo.register_artifact(format!("s3://{}/{}", card.aws.bucket, card.aws.object_key)).await?;

    let started = workspace.runs().trigger(&card.edgegate.pipeline).model(model.id).await?;
    let run = workspace.runs().wait(started.id).interval(Duration::from_millis(100)).await?;
    println!("run {} {}", run.summary.id, run.summary.status);
    world.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
