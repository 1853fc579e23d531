//! Streams of random sizes and ends, over connections that are killed.
//!
//! Whatever looks complete must be complete, whatever broke must say why on both ends, and nothing may be left: no
//! task, no file descriptor, no accounted byte.

mod app;
mod exchange;
mod journal;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cube_sdk_teleport::tunnel::{Protocol, Traffic};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::figures::options;
use exchange::{Outcome, Plan};
use journal::Journal;
use world::World;

/// Streams at once.
const STREAMS: u64 = 200;

/// Connections that are killed at least, however long a slow machine takes for it.
const KILLS: u64 = 4;

/// When everything must be gone.
const SETTLED: Duration = Duration::from_secs(30);

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Streams that gave every byte, in both directions.
    pub completed: u64,
    /// Streams that broke.
    pub broken: u64,
    /// Streams whose client gave up on purpose.
    pub abandoned: u64,
    /// Connections killed.
    pub kills: u64,
    /// Payload bytes that the agent sent and received.
    pub bytes: u64,
    /// Endings at the agent, then at the relay, with how many streams met them.
    pub endings: [BTreeMap<String, u64>; 2],
    /// How long after the end nothing was left.
    pub settled_in: Duration,
}

/// Alive tasks of this runtime, and open files of this process.
fn left() -> Result<(usize, usize)> {
    Ok((Handle::current().metrics().num_alive_tasks(), std::fs::read_dir("/proc/self/fd")?.count()))
}

fn at_rest(traffic: &Traffic) -> bool {
    (traffic.streams, traffic.queued, traffic.granted) == (0, 0, 0)
}

/// Keeps 200 streams busy for `span` and until four of their connections were killed, and judges what came of it. Runs on a
/// runtime and in a process of its own: it counts tasks and files.
///
/// # Errors
/// What was wrong: bytes that looked complete and were not, a stream without a report, something left behind.
pub async fn run(span: Duration, protocol: Protocol, seed: u64) -> Result<Report> {
    // The first name, clock or random number may open something for good.
    World::start(protocol).await?.end().await;
    let before = left()?;
    let mut report = scene(span, protocol, seed).await.with_context(|| format!("{protocol:?}, seed {seed}"))?;
    let ended = Instant::now();
    loop {
        let now = left()?;
        if now.0 <= before.0 && now.1 <= before.1 {
            report.settled_in = ended.elapsed();
            return Ok(report);
        }
        ensure!(ended.elapsed() < SETTLED, "tasks and files: {before:?} before, {now:?} after");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn scene(span: Duration, protocol: Protocol, seed: u64) -> Result<Report> {
    let mut world = World::start(protocol).await?;
    let journal = Journal::open(&world);
    let until = Instant::now() + span;
    let over = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for worker in 0..STREAMS {
        let (address, over) = (world.tunnel.local_addr(), Arc::clone(&over));
        let mut chance = fastrand::Rng::with_seed(seed ^ worker << 32);
        workers.spawn(async move {
            let mut outcomes = BTreeMap::<Outcome, u64>::new();
            while !over.load(Ordering::Relaxed) {
                let plan = Plan::draw(&mut chance, protocol);
                let outcome = exchange::run(address, &plan).await.with_context(|| format!("{plan:?}"))?;
                *outcomes.entry(outcome).or_default() += 1;
            }
            anyhow::Ok(outcomes)
        });
    }
    let mut report = Report::default();
    let mut chance = fastrand::Rng::with_seed(seed);
    while Instant::now() < until || report.kills < KILLS {
        tokio::time::sleep(Duration::from_millis(chance.u64(50..1500))).await;
        world.line.kill(chance.bool());
        report.kills += 1;
    }
    over.store(true, Ordering::Relaxed);
    let mut count = |outcome, number| match outcome {
        Outcome::Completed => report.completed += number,
        Outcome::Broken => report.broken += number,
        Outcome::Abandoned => report.abandoned += number,
    };
    while let Some(outcomes) = workers.join_next().await {
        outcomes??.into_iter().for_each(|(outcome, number)| count(outcome, number));
    }
    world.app.verdict()?;
    let settled = Instant::now();
    while !at_rest(&world.tunnel.traffic()) || !at_rest(&world.relay.traffic()) {
        let both = (world.tunnel.traffic(), world.relay.traffic());
        ensure!(settled.elapsed() < SETTLED, "streams or bytes are left: {both:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let traffic = world.tunnel.traffic();
    report.bytes = traffic.sent + traffic.received;
    let opened = [traffic.opened, world.relay.traffic().opened];
    let shutdown = world.tunnel.shutdown(Duration::from_secs(1)).await;
    ensure!(!shutdown.aborted, "the tunnel did not stop by itself");
    world.stop_relay().await?;
    let refused = journal.refused();
    report.endings = journal.close(opened).await?;
    let cuts: u64 = report.endings[0].iter().filter(|(why, _)| *why != "completed").map(|(_, number)| number).sum();
    ensure!(report.broken <= cuts + refused, "{} broke, {cuts} were reported, {refused} refused", report.broken);
    ensure!(report.completed > 0, "nothing was completed");
    world.end().await;
    Ok(report)
}

/// `chaos`: runs and prints the report.
///
/// # Errors
/// As [`run`].
#[allow(clippy::print_stdout)]
pub async fn program(given: &[&str]) -> Result<()> {
    let given = options(given, &["--seconds", "--protocol", "--seed"])?;
    let option = |name: &str, default| given.get(name).copied().unwrap_or(default);
    let protocol = if option("--protocol", "2") == "1" { Protocol::V1 } else { Protocol::V2 };
    let seed = given.get("--seed").map_or_else(|| Ok(fastrand::u64(..)), |seed| seed.parse())?;
    println!("{protocol:?}, seed {seed}");
    let report = run(Duration::from_secs(option("--seconds", "60").parse()?), protocol, seed).await?;
    println!("{report:#?}");
    Ok(())
}
