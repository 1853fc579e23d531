//! Executes runs behind the requests: one task per run, one run per workspace, cells one after the other.

use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::verdict::{Verdict, verdict};
use super::{bundle, cell};
use crate::edgegate::app::App;
use crate::store::{Id, RunEnd, RunRow};

/// A queued run that nobody announced is found after this time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Ends the runs that had begun when the process before this one ended: they are `error`, their slot is free.
pub(crate) async fn end_interrupted(app: &App) -> Result<()> {
    for run in app.store.runs_in_flight().await? {
        let end = own_fault("RUN_INTERRUPTED", "the service ended while the run was in flight: trigger it again");
        app.store.end_run(run, &end, app.now()).await?;
        tracing::warn!(%run, "a run was interrupted by the end of the service");
    }
    Ok(())
}

/// Executes queued runs until `stop` turns true; then starts no more and waits for those in flight. The queue is the
/// database: a run whose request was dropped half-way, or that a restart found waiting, is executed like any other.
/// Dropping the future aborts the runs in flight.
pub(crate) async fn run_forever(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    loop {
        if let Err(error) = start_queued(&app, &mut runs).await {
            tracing::error!(%error, "the queued runs could not be listed");
        }
        tokio::select! {
            () = app.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(_) = runs.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    while runs.join_next().await.is_some() {}
}

async fn start_queued(app: &Arc<App>, runs: &mut JoinSet<()>) -> Result<()> {
    for id in app.store.runs_queued().await? {
        if runs.len() >= app.concurrent_runs {
            break;
        }
        let (switch, off) = watch::channel(false);
        let known = match app.switches().entry(id) {
            Entry::Occupied(_) => true,
            Entry::Vacant(place) => {
                place.insert(switch);
                false
            }
        };
        if !known {
            runs.spawn(supervise(Arc::clone(app), id, off));
        }
    }
    Ok(())
}

/// Executes a run until it ends, is cancelled or is out of time.
async fn supervise(app: Arc<App>, id: Id, mut off: watch::Receiver<bool>) {
    let ended = tokio::select! {
        ended = AssertUnwindSafe(execute(&app, id)).catch_unwind() => ended.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Server, "the task of the run panicked"))
        }),
        // The cancelling request has ended the run in the database already.
        () = switched_off(&mut off) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::error!(run = %id, %error, "a run could not be executed");
        let end = own_fault("RUN_EXECUTION_ERROR", "the service could not execute the run");
        if let Err(error) = app.store.end_run(id, &end, app.now()).await {
            tracing::error!(run = %id, %error, "a failed run could not be ended");
        }
    }
    app.switches().remove(&id);
}

async fn switched_off(off: &mut watch::Receiver<bool>) {
    if off.wait_for(|off| *off).await.is_err() {
        std::future::pending().await
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
        Ok(verdict) => match verdict? {
            Some(verdict) => finish(app, &run, verdict).await,
            None => Ok(()),
        },
        Err(_) => {
            let end = own_fault("RUN_TIMEOUT", &format!("the run did not end within {} minutes", limit.as_secs() / 60));
            app.store.end_run(id, &end, app.now()).await.map(drop)
        }
    }
}

/// Executes the cells in order; none when the run was cancelled meanwhile.
async fn cells(app: &App, run: &RunRow) -> Result<Option<Verdict>> {
    let mut ended = Vec::new();
    for row in app.store.cells_of(run.id).await? {
        if !app.store.advance_run(run.id, "running", app.now()).await? {
            return Ok(None);
        }
        app.store.begin_cell(run.id, row.position, app.now()).await?;
        let end = cell::execute(app, run, &row).await;
        app.store.end_cell(run.id, row.position, &end.kept(run), app.now()).await?;
        ended.push(end);
    }
    app.store.advance_run(run.id, "evaluating", app.now()).await?;
    Ok(Some(verdict(&run.definition.0.gates, &ended)))
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
