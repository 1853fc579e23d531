//! The rounds on one database: it is filled once, then loaded by one, two and three processes.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use cube_sdk_core::secret::ExposeSecret as _;

use crate::database::Database;
use crate::load::Times;
use crate::process::Process;
use crate::{Kind, Options, bare, fill, load, say, service, workspaces};

/// Rows a commit where commits are grouped.
const GROUP: i64 = 50;

/// What one round found.
pub(crate) struct Round {
    pub(crate) kind: Kind,
    pub(crate) rows: i64,
    pub(crate) processes: usize,
    pub(crate) registrations: f64,
    pub(crate) registered: Times,
    pub(crate) appended: f64,
    pub(crate) newest: Times,
    pub(crate) filtered: Times,
    /// Of the bare database: rows one a commit, rows by groups, the two pages.
    pub(crate) bare_single: f64,
    pub(crate) bare_grouped: f64,
    pub(crate) bare_newest: Times,
    pub(crate) bare_filtered: Times,
}

pub(crate) async fn all(options: &Options, database: &Database, rows: i64) -> Result<Vec<Round>> {
    let store = database.store().await?;
    let made = workspaces::make(&store).await?;
    store.close().await;
    let bare = database.bare().await?;
    let (first, other) = (&made[0], &made[1]);
    let began = std::time::Instant::now();
    let middle = fill::fill(&bare, first.id, other.id, rows).await?;
    say(&format!("{rows} rows in {:.0} s", began.elapsed().as_secs_f64()));
    let aws = Process::start("aws", &[]).await?;
    let endpoint = format!("http://{}", aws.address);
    let environment = [
        (service::DATABASE, database.place.expose_secret()),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let mut settled: Option<Vec<_>> = None;
    let mut rounds = Vec::with_capacity(options.processes.len());
    for &processes in &options.processes {
        let mut running = Vec::with_capacity(processes);
        for _ in 0..processes {
            running.push(Process::start("service", &environment).await?);
        }
        let doors: Vec<SocketAddr> = running.iter().map(|process| process.address).collect();
        let door = *doors.first().context("at least one process")?;
        if settled.is_none() {
            let mut subjects = Vec::with_capacity(made.len());
            for workspace in &made {
                subjects.push((workspace.clone(), workspaces::settle(door, workspace).await?));
            }
            settled = Some(subjects);
        }
        let subjects = settled.as_deref().unwrap_or_default();
        // The bound first and last of all would be another machine's: beside each figure, in the same round.
        let (bare_newest, bare_filtered) = bare::pages(&bare, first.id, &middle, options.pages).await?;
        let (newest, filtered) = load::pages(&doors, first, &middle, options.pages).await?;
        let bare_single = bare::rows(&bare, other.id, 1, options.time).await?;
        let bare_grouped = bare::rows(&bare, other.id, GROUP, options.time).await?;
        let (registrations, registered) = load::registrations(&doors, &made, options.clients, options.time).await?;
        let appended = load::rows(&doors, subjects, &bare, options.time).await?;
        say(&format!("{rows} rows, {processes} processes: {registrations:.0} registrations/s, {appended:.0} rows/s"));
        rounds.push(Round {
            kind: options.kind,
            rows,
            processes,
            registrations,
            registered,
            appended,
            newest,
            filtered,
            bare_single,
            bare_grouped,
            bare_newest,
            bare_filtered,
        });
    }
    Ok(rounds)
}
