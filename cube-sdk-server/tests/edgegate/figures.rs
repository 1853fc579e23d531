//! What is counted of runs, cells, bytes, calls to STS and audit rows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::Result;
use cube_sdk_server::edgegate::{Cell, CellExecutor, CellReport, Model};
use cube_sdk_server::listener::Listener;
use cube_sdk_server::metrics::Metrics;
use cube_sdk_testkit::aws::{Effect, Fault};
use tokio::sync::Notify;

use crate::support::{Client, http, world};

/// The value of a line of the text format that starts so; 0 when there is none.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    found.map_or(0.0, |rest| rest.trim().parse().unwrap())
}

async fn seen(figures: &Listener) -> String {
    http().get(format!("{}/metrics", figures.url())).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_run_shows_in_the_figures() {
    let metrics = Metrics::new();
    let figures = Listener::bind(([127, 0, 0, 1], 0).into(), metrics.router()).await.unwrap();
    let world = world().await.metrics(metrics).start().await.unwrap();
    let (owner, size) = (Client::owner(&world), world.card().aws.object_size as f64);
    http().get(format!("{}/readyz", world.card().edgegate.url)).send().await.unwrap();
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    assert_eq!(owner.ended(&run).await["status"], "passed");
    // The third cell of the next one is refused its role.
    world.aws().faults().add(
        Fault::new(Effect::Answer {
            status: 403,
            code: "AccessDenied".to_owned(),
            message: "User: x is not authorized to perform: sts:AssumeRole on resource: y".to_owned(),
        })
        .on("AssumeRole")
        .nth(3),
    );
    let run = owner.triggered(&world, &artifact).await;
    assert_eq!(owner.ended(&run).await["status"], "failed");
    let rows = owner.audit("").await;
    let of = |event: &str, outcome: &str| {
        rows.iter().filter(|row| row["operation"] == event && row["outcome"] == outcome).count() as f64
    };
    let text = seen(&figures).await;
    for (line, expected) in [
        ("cube_runs_total{outcome=\"passed\"}", 1.0),
        ("cube_runs_total{outcome=\"failed\"}", 1.0),
        ("cube_cells_total{outcome=\"passed\"}", 5.0),
        ("cube_cells_total{outcome=\"error\"}", 1.0),
        ("cube_runs_queued", 0.0),
        ("cube_reader_bytes_total", 5.0 * size),
        ("cube_reader_bytes_per_second_count", 5.0),
        ("cube_sts_calls_total{call=\"get_caller_identity\",outcome=\"success\"}", 1.0),
        ("cube_sts_calls_total{call=\"assume_role\",outcome=\"success\"}", of("sts.assume_role", "success")),
        ("cube_sts_calls_total{call=\"assume_role\",outcome=\"denied\"}", of("sts.assume_role", "denied")),
        ("cube_audit_seconds_count", rows.len() as f64),
        ("cube_audit_rows_queued", 0.0),
    ] {
        assert!(text.contains(line), "{line}: {text}");
        assert_eq!(value(&text, line), expected, "{line}: {text}");
    }
    assert!(of("sts.assume_role", "success") >= 6.0 && of("sts.assume_role", "denied") == 1.0);
    let committed =
        ["success", "denied", "error"].map(|it| value(&text, &format!("cube_audit_rows_total{{outcome=\"{it}\"}}")));
    assert_eq!(committed.iter().sum::<f64>(), rows.len() as f64);
    for made_up in [&owner.workspace, &artifact, &world.card().aws.bucket] {
        assert!(!text.contains(made_up.as_str()), "{made_up}: {text}");
    }
}

/// Waits until it is let go on.
struct Held(Arc<Notify>);

#[async_trait]
impl CellExecutor for Held {
    async fn execute(&self, _: &Cell, _: &Model) -> Result<CellReport> {
        self.0.notified().await;
        Ok(CellReport::default())
    }
}

#[tokio::test]
async fn a_run_is_counted_as_running_until_it_is_cancelled() {
    let metrics = Metrics::new();
    let figures = Listener::bind(([127, 0, 0, 1], 0).into(), metrics.router()).await.unwrap();
    let held = Held(Arc::default());
    let world = world().await.metrics(metrics).executor(held).start().await.unwrap();
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let artifact = owner.registered(&world).await;
    let run = owner.triggered(&world, &artifact).await;
    let until = async |line: &str, wanted: f64| {
        while value(&seen(&figures).await, line) != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until("cube_runs_running", 1.0).await;
    assert_eq!(owner.post_empty(&format!("/runs/{run}/cancel")).await.0, 200);
    until("cube_runs_running", 0.0).await;
    assert_eq!(value(&seen(&figures).await, "cube_runs_total{outcome=\"cancelled\"}"), 1.0);
}
