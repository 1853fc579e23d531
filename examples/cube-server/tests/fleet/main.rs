//! Three processes on one PostgreSQL under load: they are killed, and stopped past their leases. Runs with `CUBE_REAL=1`.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs, unreachable_pub)]

mod client;
mod judged;
mod processes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use client::{Client, Told};
use cube_sdk_components::Postgres;
use judged::Rows;
use processes::{Fleet, Running, World};

/// How long what was left may take until it is found and ended, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many call at once in each workspace.
const CALLERS: usize = 4;

/// What befalls the processes.
struct Plan {
    workspaces: usize,
    /// How often a random one is killed, and how many times.
    every: Duration,
    kills: usize,
    /// How long one sleeps, longer than a lease, and how often that is.
    stopped: Duration,
    stops: usize,
}

/// A process that was stopped, and the runs that it held.
struct Stopped {
    number: usize,
    since: Instant,
    held: BTreeSet<String>,
}

/// What happened, for whoever reads the test's output.
#[derive(Default)]
struct Counts {
    kills: usize,
    stops: usize,
    held: usize,
    late: usize,
}

struct Chaos<'a> {
    plan: Plan,
    fleet: Fleet<'a>,
    rows: Rows,
    processes: Vec<Running>,
    stopped: Option<Stopped>,
    random: fastrand::Rng,
    counts: Counts,
}

impl Chaos<'_> {
    async fn befall(&mut self) {
        while self.counts.kills < self.plan.kills || self.counts.stops < self.plan.stops || self.stopped.is_some() {
            tokio::time::sleep(self.plan.every).await;
            if self.counts.kills < self.plan.kills {
                self.kill();
            }
            match &self.stopped {
                None if self.counts.stops < self.plan.stops => self.stop().await,
                Some(stopped) if stopped.since.elapsed() >= self.plan.stopped => self.wake().await,
                _ => {}
            }
        }
    }

    /// kill -9 of one that runs, and another in its place.
    fn kill(&mut self) {
        let asleep = self.stopped.as_ref().map(|stopped| stopped.number);
        let awake: Vec<_> = (0..self.processes.len()).filter(|number| Some(*number) != asleep).collect();
        let number = awake[self.random.usize(..awake.len())];
        self.processes[number].kill();
        self.processes[number] = self.fleet.serve(number);
        self.counts.kills += 1;
    }

    /// SIGSTOP of one that executes a run.
    async fn stop(&mut self) {
        let began = Instant::now();
        loop {
            let number = self.random.usize(..self.processes.len());
            self.processes[number].signal("STOP");
            // What it had sent before is done by now.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let held = self.rows.held_by(&self.fleet.name(number), self.processes[number].since);
            if !held.is_empty() {
                self.counts.held += held.len();
                self.stopped = Some(Stopped { number, since: Instant::now(), held });
                return;
            }
            self.processes[number].signal("CONT");
            assert!(began.elapsed() < PATIENCE, "no process executes a run");
        }
    }

    /// SIGCONT: its runs were ended by others, and nothing that it writes of them is taken.
    async fn wake(&mut self) {
        let Some(stopped) = self.stopped.take() else { return };
        let log = || self.fleet.log(stopped.number);
        let before = late(&log());
        self.processes[stopped.number].signal("CONT");
        let began = Instant::now();
        // Each run that it held is given up, or its late write is refused; either is told.
        while late(&log()) < before + stopped.held.len() {
            assert!(began.elapsed() < PATIENCE, "it did not let go of {:?}: {}", stopped.held, log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.counts.late += late(&log()) - before;
        self.counts.stops += 1;
        for run in &stopped.held {
            assert_eq!(self.rows.fate_of(run), "error RUN_INTERRUPTED", "{run}");
        }
    }
}

/// How often a process said that a run is not its own any more.
fn late(log: &str) -> usize {
    log.lines().filter(|line| line.contains("no longer this process's")).count()
}

async fn chaos(plan: Plan) {
    let Some(server) = Postgres::start() else { return };
    let url = server.database("fleet");
    let (world, rows) = (World::start(), Rows::of(server, "fleet"));
    let fleet = Fleet::new(&world, &url, 3);
    let processes: Vec<Running> = (0..3).map(|number| fleet.serve(number)).collect();
    let ((stop, stopped), told) = (tokio::sync::watch::channel(false), Told::default());
    let mut subjects = Vec::with_capacity(plan.workspaces);
    for number in 0..plan.workspaces {
        let client = Client::new(&fleet, number);
        subjects.push((client.settle(&world).await, client));
    }
    let mut load = tokio::task::JoinSet::new();
    for (number, (subject, client)) in subjects.into_iter().enumerate() {
        // Whoever waits for a process that sleeps sends nothing else meanwhile.
        for caller in 0..CALLERS {
            let seed = (number * CALLERS + caller) as u64;
            load.spawn(client.clone().load(subject.clone(), stopped.clone(), told.clone(), seed));
        }
    }
    let watch = {
        let (rows, stopped) = (rows.clone(), stopped.clone());
        tokio::task::spawn_blocking(move || {
            let mut longest = 0;
            while !*stopped.borrow() {
                longest = longest.max(rows.longest_lapse());
                std::thread::sleep(Duration::from_secs(1));
            }
            longest
        })
    };
    let random = fastrand::Rng::with_seed(7);
    let mut chaos = Chaos { plan, fleet, rows, processes, stopped: None, random, counts: Counts::default() };
    tokio::time::sleep(Duration::from_secs(3)).await;
    chaos.befall().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.send_replace(true);
    while let Some(done) = load.join_next().await {
        done.unwrap();
    }
    let longest = watch.await.unwrap();
    let Counts { kills, stops, held, late } = chaos.counts;
    eprintln!(
        "{kills} kills; {stops} stops of {held} runs, {late} late writes or leases told; lapsed {longest} ms at most"
    );
    assert!(longest < PATIENCE.as_millis(), "a run was stuck beyond its lease");
    chaos.rows.judge(&told);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn processes_die_and_sleep_and_nothing_that_was_acknowledged_is_lost() {
    let (every, stopped) = (Duration::from_secs(4), Duration::from_secs(18));
    runtime().block_on(chaos(Plan { workspaces: 4, every, kills: 3, stopped, stops: 1 }));
}

/// `cargo test -p cube-server --features postgres --test fleet -- --ignored --nocapture`
#[test]
#[ignore = "three minutes; run by hand"]
fn processes_die_for_three_minutes() {
    let (every, stopped) = (Duration::from_secs(5), Duration::from_secs(30));
    runtime().block_on(chaos(Plan { workspaces: 8, every, kills: 36, stopped, stops: 4 }));
}
