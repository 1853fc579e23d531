//! A prompt beside a dump: echoes while bulk fills a slow line that all connections of a peer share.

mod queue;
mod ssh;
mod ways;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use self::queue::held;
use self::ways::Way;
use crate::figures::{Figures, Rounds, median, micros, options};
use crate::load;

/// How often the queues are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What is run beside the echoes, and for how long.
#[derive(Clone, Copy)]
struct Plan {
    mbit: u32,
    up: bool,
    down: bool,
    bulk: usize,
    echo: usize,
    warm: Duration,
    seconds: Duration,
}

impl Plan {
    fn share(&self, bytes: u64, took: Duration) -> f64 {
        bytes as f64 * 8.0 / 1e6 / took.as_secs_f64() / f64::from(self.mbit)
    }
}

/// Bytes that came through, each way.
#[derive(Default)]
struct Meters {
    up: Arc<AtomicU64>,
    down: AtomicU64,
}

async fn send(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_u8(b'U').await?;
    stream.write_u64(u64::MAX).await?;
    let buffer = vec![7; 64 * 1024];
    loop {
        stream.write_all(&buffer).await.context("a bulk stream up broke")?;
    }
}

async fn receive(address: SocketAddr, meters: Arc<Meters>) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_u8(b'D').await?;
    stream.write_u64(u64::MAX).await?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut buffer).await.context("a bulk stream down broke")?;
        anyhow::ensure!(n > 0, "a bulk stream down ended");
        meters.down.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// Echoes of 64 bytes one after the other until `until`. The first is not counted: a stream is being opened meanwhile.
async fn prompt(address: SocketAddr, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_u8(b'E').await?;
    let (mut got, mut times) = ([0; 64], Vec::new());
    loop {
        let started = Instant::now();
        if started >= until && !times.is_empty() {
            times.remove(0);
            return Ok(times);
        }
        stream.write_all(&[5; 64]).await?;
        stream.read_exact(&mut got).await?;
        times.push(started.elapsed());
    }
}

async fn echoing(address: SocketAddr, count: usize, span: Duration) -> Result<Vec<Duration>> {
    let until = Instant::now() + span;
    let mut prompts = JoinSet::new();
    for _ in 0..count {
        prompts.spawn(prompt(address, until));
    }
    let mut times = Vec::new();
    while let Some(done) = prompts.join_next().await {
        times.extend(done??);
    }
    times.sort();
    Ok(times)
}

async fn measure(way: &Way, plan: Plan, meters: &Arc<Meters>) -> Result<Figures> {
    let address = way.peer.address;
    let idle = echoing(address, 1, Duration::from_secs(2)).await?;
    let mut bulks = JoinSet::new();
    for _ in 0..plan.bulk {
        if plan.up {
            bulks.spawn(send(address));
        }
        if plan.down {
            bulks.spawn(receive(address, Arc::clone(meters)));
        }
    }
    tokio::time::sleep(plan.warm).await;
    let (up, down) = (meters.up.load(Ordering::Relaxed), meters.down.load(Ordering::Relaxed));
    let begun = Instant::now();
    let (mut near, mut far) = (Vec::new(), Vec::new());
    let looking = async {
        loop {
            tokio::time::sleep(LOOK).await;
            match held(way.line, way.behind) {
                Ok(now) => {
                    near.push(now.up as f64 / 1024.0);
                    far.push(now.down as f64 / 1024.0);
                }
                Err(error) => return error,
            }
        }
    };
    let times = tokio::select! {
        times = echoing(address, plan.echo, plan.seconds) => times?,
        error = looking => return Err(error),
        Some(broken) = bulks.join_next() => { broken??; bail!("a bulk stream ended") }
    };
    let took = begun.elapsed();
    let mut out = Figures::new();
    let mut put = |name: &str, value: f64| out.insert(name.to_owned(), value);
    put("echo idle p50 ms", micros(&idle, 50) / 1e3);
    put("echo p50 ms", micros(&times, 50) / 1e3);
    put("echo p99 ms", micros(&times, 99) / 1e3);
    put("echo count", times.len() as f64);
    if plan.up {
        put("up, share of line/s", plan.share(meters.up.load(Ordering::Relaxed) - up, took));
        put("up, held KiB", median(near));
    }
    if plan.down {
        put("down, share of line/s", plan.share(meters.down.load(Ordering::Relaxed) - down, took));
        put("down, held KiB", median(far));
    }
    Ok(out)
}

/// `quick`: echoes beside bulk over a slow line, in interleaved rounds.
///
/// # Errors
/// When a peer fails; with `CUBE_REAL=1` also when one is missing.
pub async fn run(given: &[&str]) -> Result<()> {
    let known =
        ["--mbit", "--direction", "--bulk", "--seconds", "--warm", "--echo", "--peers", "--base", "--pairs", "--log"];
    let given = options(given, &known)?;
    let option = |name: &str, default| given.get(name).copied().unwrap_or(default);
    let (up, down) = match option("--direction", "up") {
        "up" => (true, false),
        "down" => (false, true),
        "both" => (true, true),
        other => bail!("no direction `{other}`; there are up, down and both"),
    };
    let plan = Plan {
        mbit: option("--mbit", "100").parse()?,
        up,
        down,
        bulk: option("--bulk", "1").parse()?,
        echo: option("--echo", "4").parse()?,
        warm: Duration::from_secs(option("--warm", "25").parse()?),
        seconds: Duration::from_secs(option("--seconds", "60").parse()?),
    };
    let names: Vec<&str> = option("--peers", "sockets,ssh,null,tunnel,tunnel-v1").split(',').collect();
    let pairs: usize = option("--pairs", "3").parse()?;
    let log = given.get("--log").copied();
    let mut rounds = Rounds::of(log)?;
    for _ in 0..pairs {
        for name in &names {
            let meters = Arc::new(Meters::default());
            let target = load::metered(Arc::clone(&meters.up)).await?;
            let way = ways::start(name, target, plan.mbit).await.with_context(|| format!("peer {name}"))?;
            let Some(way) = way else { continue };
            let figures = measure(&way, plan, &meters).await.with_context(|| format!("peer {name}"))?;
            rounds.add(name, figures, log)?;
        }
    }
    rounds.print(&names, option("--base", "sockets"));
    Ok(())
}
