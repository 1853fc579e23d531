//! Bulk, echoes, connections, memory of any peers, in turn.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::figures::{Figures, Rounds, micros, options};
use crate::load::{self, Way};
use crate::peers;
use crate::process::Peer;

async fn measure(peer: &Peer, mib: u64, part: Option<&str>) -> Result<Figures> {
    let mut out = Figures::new();
    let mut put = |name: &str, value: f64| out.insert(name.to_owned(), value);
    let wanted = |name| part.is_none_or(|part| part == name);
    let total = mib << 20;
    let bulks = [("up1", Way::Up, 1), ("down1", Way::Down, 1), ("up16", Way::Up, 16), ("down16", Way::Down, 16)];
    for (name, way, streams) in bulks.into_iter().filter(|_| wanted("bulk")) {
        let before = peer.cpu()?;
        let took = load::bulks(peer.address, way, streams, total).await.context(name)?;
        put(&format!("{name} MB/s"), total as f64 / 1e6 / took.as_secs_f64());
        put(&format!("{name} CPU s/GB"), (peer.cpu()? - before) / (total as f64 / 1e9));
    }
    if wanted("idle") {
        let idle = load::echoes(peer.address, 2000).await?;
        put("echo idle p50 us", micros(&idle, 50));
        put("echo idle p99 us", micros(&idle, 99));
    }
    if wanted("beside") {
        let alone = load::both(peer.address, || true).await?;
        let (beside, rate) = load::echoes_beside(peer.address).await?;
        put("echo bulk p50 us", micros(&beside, 50));
        put("echo bulk p99 us", micros(&beside, 99));
        put("echo bulk count", beside.len() as f64);
        put("both1 alone MB/s", alone);
        put("both1 beside echo MB/s", rate);
        put("both1 beside : alone", rate / alone);
    }
    if wanted("connections") {
        let before = peer.cpu()?;
        let rate = load::connections(peer.address, Duration::from_secs(2)).await?;
        put("connections/s", rate);
        put("CPU ms/connection", (peer.cpu()? - before) * 1e3 / (rate * 2.0));
    }
    put("peak RSS MiB", peer.peak_mib()?);
    Ok(out)
}

/// `run`: measures peers in interleaved rounds.
///
/// # Errors
/// When a peer fails; with `CUBE_REAL=1` also when one is missing.
#[allow(clippy::print_stderr)]
pub async fn run(given: &[&str]) -> Result<()> {
    let given = options(given, &["--peers", "--base", "--pairs", "--mib", "--part", "--log"])?;
    let option = |name: &str, default| given.get(name).copied().unwrap_or(default);
    let names: Vec<&str> = option("--peers", "direct,proxy2,tunnel").split(',').collect();
    let (pairs, mib): (usize, u64) = (option("--pairs", "3").parse()?, option("--mib", "512").parse()?);
    let part = given.get("--part").copied();
    let log = given.get("--log").copied();
    let target = load::target().await?;
    let mut rounds = Rounds::of(log)?;
    for _ in 0..pairs {
        for name in &names {
            let Some(peer) = peers::start(name, target).await.with_context(|| format!("peer {name}"))? else {
                continue;
            };
            match measure(&peer, mib, part).await {
                Ok(figures) => rounds.add(name, figures, log)?,
                Err(error) if peers::is_foreign(name) => eprintln!("FAILED: {name}: {error:#}"),
                Err(error) => return Err(error.context(format!("peer {name}"))),
            }
        }
    }
    rounds.print(&names, option("--base", "proxy2"));
    Ok(())
}
