//! Executes runs behind the requests: one task per run, one run per workspace, cells one after the other.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::Result;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::verdict::{Verdict, verdict};
use super::{bundle, cell};
use crate::edgegate::app::App;
use crate::store::{Id, RunEnd, RunRow};

/// Ends the runs that were in flight when the process before this one ended: they are `error`, their slot is free.
pub(crate) async fn end_interrupted(app: &App) -> Result<()> {
    for run in app.store.runs_in_flight().await? {
        let end = own_fault("RUN_INTERRUPTED", "the service ended while the run was in flight: trigger it again");
        app.store.end_run(run, &end, app.now()).await?;
        tracing::warn!(%run, "a run was interrupted by the end of the service");
    }
    Ok(())
}

/// Starts queued runs until `stop` turns true; then starts no more and waits for those in flight. Dropping the future
/// aborts them.
pub(crate) async fn run_forever(
    app: Arc<App>,
    mut queue: mpsc::UnboundedReceiver<Id>,
    mut stop: watch::Receiver<bool>,
) {
    let mut runs = JoinSet::new();
    loop {
        tokio::select! {
            Some(id) = queue.recv() => {
                runs.spawn(supervise(Arc::clone(&app), id));
            }
            Some(_) = runs.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    queue.close();
    while runs.join_next().await.is_some() {}
}

/// Executes a run until it ends, is cancelled or is out of time.
async fn supervise(app: Arc<App>, id: Id) {
    let (switch, mut off) = watch::channel(false);
    app.switches().insert(id, switch);
    let ended = tokio::select! {
        ended = execute(&app, id) => ended,
        // The cancelling request has ended the run in the database already.
        _ = off.wait_for(|off| *off) => Ok(()),
    };
    app.switches().remove(&id);
    if let Err(error) = ended {
        tracing::error!(run = %id, %error, "a run could not be executed");
        let end = own_fault("RUN_EXECUTION_ERROR", "the service could not execute the run");
        if let Err(error) = app.store.end_run(id, &end, app.now()).await {
            tracing::error!(run = %id, %error, "a failed run could not be ended");
        }
    }
}

async fn execute(app: &App, id: Id) -> Result<()> {
    // None: cancelled while it was queued.
    let Some(run) = app.store.run_to_execute(id).await? else { return Ok(()) };
    if !app.store.advance_run(id, "preparing", app.now()).await? {
        return Ok(());
    }
    let limit = Duration::from_secs(60 * u64::from(run.definition.0.run_policy.timeout_minutes));
    match tokio::time::timeout(limit, cells(app, &run)).await {
        Ok(verdict) => finish(app, &run, verdict?).await,
        Err(_) => {
            let end = own_fault("RUN_TIMEOUT", &format!("the run did not end within {} minutes", limit.as_secs() / 60));
            app.store.end_run(id, &end, app.now()).await.map(drop)
        }
    }
}

async fn cells(app: &App, run: &RunRow) -> Result<Verdict> {
    app.store.advance_run(run.id, "running", app.now()).await?;
    let mut ended = Vec::new();
    for row in app.store.cells_of(run.id).await? {
        app.store.begin_cell(run.id, row.position, app.now()).await?;
        let end = cell::execute(app, run, &row).await;
        app.store.end_cell(run.id, row.position, &end.kept(run), app.now()).await?;
        ended.push(end);
    }
    app.store.advance_run(run.id, "evaluating", app.now()).await?;
    Ok(verdict(&run.definition.0.gates, &ended))
}

async fn finish(app: &App, run: &RunRow, verdict: Verdict) -> Result<()> {
    app.store.advance_run(run.id, "reporting", app.now()).await?;
    let now = app.now();
    let bundle = match verdict.status {
        "error" => None,
        _ => Some(bundle::document(run, &app.store.cells_of(run.id).await?, &verdict, now)),
    };
    let end = RunEnd {
        status: verdict.status,
        error_code: verdict.error_code,
        error_detail: verdict.error_detail,
        normalized_metrics: verdict.normalized_metrics,
        gates_eval: verdict.gates_eval,
        bundle,
    };
    app.store.end_run(run.id, &end, now).await.map(drop)
}

fn own_fault(code: &str, detail: &str) -> RunEnd {
    RunEnd {
        status: "error",
        error_code: Some(code.to_owned()),
        error_detail: Some(detail.to_owned()),
        normalized_metrics: None,
        gates_eval: None,
        bundle: None,
    }
}
