//! Throughput over a long line: between agent and relay, or between client and target.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::figures::{Figures, Rounds, options};
use crate::load::{self, Way};
use crate::process::{Peer, own};

/// Windows grow meanwhile, TCP's and ours.
const SKIP: Duration = Duration::from_secs(3);

async fn direct(target: SocketAddr, mbit: &str) -> Result<Peer> {
    let (line, address) = own(&["delay", &target.to_string(), mbit]).await?;
    Ok(Peer::new(address, vec![line]))
}

async fn tunnel(target: SocketAddr, mbit: &str) -> Result<Peer> {
    let (relay, address) = own(&["relay", &target.to_string()]).await?;
    let (line, address) = own(&["delay", &address.to_string(), mbit]).await?;
    let (agent, address) = own(&["agent", &format!("ws://{address}/tunnel"), "2"]).await?;
    Ok(Peer::new(address, vec![relay, agent]).beside(vec![line]))
}

/// `line`: one stream, direct and through the tunnel, after 3 s of each.
///
/// # Errors
/// When a connection fails.
pub async fn run(given: &[&str]) -> Result<()> {
    let given = options(given, &["--mbit", "--pairs", "--mib", "--way", "--log"])?;
    let option = |name: &str, default| given.get(name).copied().unwrap_or(default);
    let (mbit, pairs): (&str, usize) = (option("--mbit", "100"), option("--pairs", "1").parse()?);
    let bytes = option("--mib", "256").parse::<u64>()? << 20;
    let ways = match option("--way", "both") {
        "up" => vec![Way::Up],
        "down" => vec![Way::Down],
        "both" => vec![Way::Up, Way::Down],
        other => bail!("no way `{other}`"),
    };
    let log = given.get("--log").copied();
    let target = load::target().await?;
    let mut rounds = Rounds::of(log)?;
    for _ in 0..pairs {
        for name in ["direct", "tunnel"] {
            let mut figures = Figures::new();
            for way in &ways {
                let peer = if name == "direct" { direct(target, mbit).await? } else { tunnel(target, mbit).await? };
                let rate = load::steady(peer.address, *way, SKIP, bytes).await?;
                figures.insert(format!("{mbit} Mbit/s {way:?} MB/s"), rate);
            }
            rounds.add(name, figures, log)?;
        }
    }
    rounds.print(&["direct", "tunnel"], "direct");
    Ok(())
}
