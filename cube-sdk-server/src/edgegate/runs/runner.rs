//! Executes runs behind the requests: one task per run, one run per workspace, cells one after the other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cube_sdk_core::retry::{Deadline, Retrier};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::verdict::{Verdict, verdict};
use super::{bundle, cell, lease};
use crate::edgegate::app::App;
use crate::store::{Ender, Held, RunEnd, RunRow};

/// What a run's holder reads and writes: what it said twice was written once.
const KEEP: Operation = Operation::new("edgegate", "keep_run", Idempotency::Repeatable);

/// A queued run that nobody announced is found after this time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Ends the runs whose process let their lease pass: they are `error`, their slot is free. One that runs alone on its
/// database begins by taking all that the process before it held.
pub(crate) async fn end_interrupted(app: &App) -> Result<()> {
    for held in app.store.orphaned_runs().await? {
        // One run's trouble is not the others'.
        if let Err(error) = end_orphan(app, held).await {
            tracing::error!(run = %held.run, %error, "an interrupted run could not be ended");
        }
    }
    Ok(())
}

async fn end_orphan(app: &App, held: Held) -> Result<()> {
    let Some(run) = app.store.run_to_execute(held.run).await? else { return Ok(()) };
    let end = own_fault("RUN_INTERRUPTED", "the service ended while the run was in flight: trigger it again");
    if app.end_run(&run, Ender::Heir(held), &end, app.now()).await? {
        tracing::warn!(run = %run.id, "a run was interrupted by the end of its process");
    }
    Ok(())
}

/// Executes queued runs until `stop` turns true; then starts no more and waits for those in flight. The queue is the
/// database: a run whose request was dropped half-way, or that a restart found waiting, is executed like any other.
/// Dropping the future aborts the runs in flight.
pub(crate) async fn run_forever(app: Arc<App>, stop: watch::Receiver<bool>) {
    tokio::select! {
        () = execute_forever(&app, stop) => {}
        // What a process left may be locked by another for a while: no claim waits for it.
        () = inherit_forever(&app) => {}
    }
}

async fn inherit_forever(app: &App) {
    if !app.store.is_shared() {
        std::future::pending::<()>().await;
    }
    loop {
        if let Err(error) = end_interrupted(app).await {
            tracing::error!(%error, "the runs that were left could not be listed");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn execute_forever(app: &Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut runs = JoinSet::new();
    loop {
        if let Err(error) = look(app, &mut runs).await {
            tracing::error!(%error, "the queued runs could not be claimed");
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

async fn look(app: &Arc<App>, runs: &mut JoinSet<()>) -> Result<()> {
    while runs.len() < app.concurrent_runs {
        // Taken before the claim is sent: the lease cannot end earlier than this says.
        let claimed_at = Instant::now();
        let Some(held) = app.store.claim_run(app.holder, app.now()).await? else { break };
        let (switch, off) = watch::channel(false);
        app.switches().insert(held.run, switch);
        runs.spawn(supervise(Arc::clone(app), held, claimed_at, off));
    }
    app.counted.queued(app.store.queued_runs().await?);
    Ok(())
}

/// Executes a run until it ends, is cancelled, is out of time or is no longer ours.
async fn supervise(app: Arc<App>, held: Held, claimed_at: Instant, mut off: watch::Receiver<bool>) {
    let _running = app.counted.running();
    let ended = tokio::select! {
        ended = AssertUnwindSafe(execute(&app, held)).catch_unwind() => ended.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Server, "the task of the run panicked"))
        }),
        // The cancelling request has ended the run in the database already.
        () = switched_off(&mut off) => Ok(()),
        // Whoever holds it now writes its end.
        () = lease::lost(&app, held, claimed_at) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::error!(run = %held.run, %error, "a run could not be executed");
        if let Err(error) = give_up(&app, held).await {
            tracing::error!(run = %held.run, %error, "a failed run could not be ended");
        }
    }
    app.switches().remove(&held.run);
}

/// Says a statement again while the database is away: no run fails for that, and its lease bounds the trouble.
async fn kept<T, F: Future<Output = Result<T>>>(mut statement: impl FnMut() -> F) -> Result<T> {
    match statement().await {
        // Only now is it a call of its own, with a span for each try.
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            Retrier::default().run(KEEP, Deadline::none(), |_| statement()).await
        }
        ended => ended,
    }
}

async fn give_up(app: &App, held: Held) -> Result<()> {
    let Some(run) = kept(|| app.store.run_to_execute(held.run)).await? else { return Ok(()) };
    let end = own_fault("RUN_EXECUTION_ERROR", "the service could not execute the run");
    end_held(app, &run, held, &end).await
}

/// Writes the end of a run that this process holds.
async fn end_held(app: &App, run: &RunRow, held: Held, end: &RunEnd) -> Result<()> {
    let now = app.now();
    if !kept(|| app.end_run(run, Ender::Holder(held), end, now)).await? {
        too_late::<()>(held);
    }
    Ok(())
}

/// A write was refused: another process has ended the run, or a request has.
fn too_late<T>(held: Held) -> Option<T> {
    tracing::warn!(run = %held.run, "a write came too late: the run is no longer this process's");
    None
}

async fn switched_off(off: &mut watch::Receiver<bool>) {
    if off.wait_for(|off| *off).await.is_err() {
        std::future::pending().await
    }
}

async fn execute(app: &App, held: Held) -> Result<()> {
    // None: cancelled just after the claim.
    let Some(run) = kept(|| app.store.run_to_execute(held.run)).await? else { return Ok(()) };
    let limit = Duration::from_secs(60 * u64::from(run.definition.0.run_policy.timeout_minutes));
    match tokio::time::timeout(limit, cells(app, &run, held)).await {
        Ok(verdict) => match verdict? {
            Some(verdict) => finish(app, &run, held, verdict).await,
            None => Ok(()),
        },
        Err(_) => {
            let end = own_fault("RUN_TIMEOUT", &format!("the run did not end within {} minutes", limit.as_secs() / 60));
            end_held(app, &run, held, &end).await
        }
    }
}

/// Executes the cells in order; none when the run was cancelled meanwhile, or is no longer ours.
async fn cells(app: &App, run: &RunRow, held: Held) -> Result<Option<Verdict>> {
    let mut ended = Vec::new();
    for row in kept(|| app.store.cells_of(run.id)).await? {
        if !kept(|| app.store.advance_run(held, "running", app.now())).await?
            || !kept(|| app.store.begin_cell(held, row.position, app.now())).await?
        {
            return Ok(too_late(held));
        }
        let end = cell::execute(app, run, &row).await;
        let result = end.kept(run);
        let now = app.now();
        if !kept(|| app.store.end_cell(held, row.position, &result, now)).await? {
            return Ok(too_late(held));
        }
        app.counted.cell_ended(end.outcome(&result));
        ended.push(end);
    }
    if !kept(|| app.store.advance_run(held, "evaluating", app.now())).await? {
        return Ok(too_late(held));
    }
    Ok(Some(verdict(&run.definition.0.gates, &ended)))
}

async fn finish(app: &App, run: &RunRow, held: Held, verdict: Verdict) -> Result<()> {
    kept(|| app.store.advance_run(held, "reporting", app.now())).await?;
    let now = app.now();
    let bundle = match verdict.status {
        "error" => None,
        _ => Some(bundle::document(run, &kept(|| app.store.cells_of(run.id)).await?, &verdict, now)),
    };
    let end = RunEnd {
        status: verdict.status,
        error_code: verdict.error_code,
        error_detail: verdict.error_detail,
        normalized_metrics: verdict.normalized_metrics,
        gates_eval: verdict.gates_eval,
        bundle,
    };
    end_held(app, run, held, &end).await
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
