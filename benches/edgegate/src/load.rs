//! The load on the service: registrations, rows of runs, pages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::database::Bare;
use crate::fill::Middle;
use crate::http::Client;
use crate::workspaces::{Subject, Workspace, registration};

/// Times of one kind, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// Registrations per second by so many clients, and how long each took.
pub(crate) async fn registrations(
    doors: &[SocketAddr],
    workspaces: &[Workspace],
    clients: usize,
    time: Duration,
) -> Result<(f64, Times)> {
    let (began, mut running) = (Instant::now(), JoinSet::new());
    for (number, (door, workspace)) in doors.iter().cycle().zip(workspaces.iter().cycle()).take(clients).enumerate() {
        let (door, workspace) = (*door, workspace.clone());
        running.spawn(async move {
            let (mut client, mut times) = (Client::connect(door).await?, Vec::new());
            while began.elapsed() < time {
                let body = registration(&uuid::Uuid::new_v4().to_string());
                let sent = Instant::now();
                let (status, body) = client.ask(&workspace, "POST", "/artifacts/byo", &body).await?;
                if status != 201 {
                    bail!("registration by client {number}: {status} {}", String::from_utf8_lossy(&body));
                }
                times.push(sent.elapsed());
            }
            Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = running.join_next().await {
        times.extend(done??);
    }
    Ok((times.len() as f64 / began.elapsed().as_secs_f64(), Times::of(times)))
}

/// Audit rows per second while each workspace has a run that reads.
pub(crate) async fn rows(
    doors: &[SocketAddr],
    settled: &[(Workspace, Subject)],
    bare: &Bare,
    time: Duration,
) -> Result<f64> {
    let mut client = Client::connect(doors[0]).await?;
    let mut runs = Vec::with_capacity(settled.len());
    for (workspace, subject) in settled {
        let body = json!({ "pipeline_id": subject.pipeline, "trigger": "ci", "model_artifact_id": subject.model });
        let run = client.must(workspace, "POST", "/runs", &body, 202).await?;
        runs.push((workspace, run["id"].as_str().context("no id")?.to_owned()));
    }
    // Until the processes have claimed what they execute at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (before, began) = (bare.written().await?, Instant::now());
    tokio::time::sleep(time).await;
    let rate = (bare.written().await? - before) as f64 / began.elapsed().as_secs_f64();
    for (workspace, run) in runs {
        client.must(workspace, "POST", &format!("/runs/{run}/cancel"), &Value::Null, 200).await?;
    }
    Ok(rate)
}

/// The page of the newest rows, and the filtered one, one after the other at each process in turn.
pub(crate) async fn pages(
    doors: &[SocketAddr],
    workspace: &Workspace,
    middle: &Middle,
    count: usize,
) -> Result<(Times, Times)> {
    let newest = "/byo-storage/audit?limit=100".to_owned();
    let filtered = format!("/byo-storage/audit?limit=100&run_id={}&since={}", middle.run, middle.since);
    let mut clients = Vec::with_capacity(doors.len());
    for door in doors {
        clients.push(Client::connect(*door).await?);
    }
    let (mut of_newest, mut of_filtered) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for number in 0..count {
        let at = number % clients.len();
        for (path, times) in [(&newest, &mut of_newest), (&filtered, &mut of_filtered)] {
            let sent = Instant::now();
            let (status, body) = clients[at].ask(workspace, "GET", path, "").await?;
            times.push(sent.elapsed());
            if status != 200 {
                bail!("{path}: {status} {}", String::from_utf8_lossy(&body));
            }
            // A page without rows would be quick, and say nothing.
            if number == 0 && !body.windows(12).any(|part| part == b"\"event_type\"") {
                bail!("{path}: no rows");
            }
        }
    }
    Ok((Times::of(of_newest), Times::of(of_filtered)))
}
