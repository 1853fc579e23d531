//! Starts the peers, measures them in turn, and prints medians.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::load::{self, Way};

/// A running peer: where to connect, and the processes that stand between.
struct Peer {
    address: SocketAddr,
    children: Vec<Child>,
}

async fn spawn(args: &[&str]) -> Result<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(args)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("could not start {args:?}"))?;
    let stdout = child.stdout.take().context("no stdout")?;
    let line = BufReader::new(stdout).lines().next_line().await?.context("the peer said nothing")?;
    let address = line.strip_prefix("listening ").context("unexpected first line")?.parse()?;
    Ok((child, address))
}

impl Peer {
    async fn start(name: &str, target: SocketAddr, protocol: &str) -> Result<Self> {
        let target = target.to_string();
        let (address, children) = match name {
            "direct" => (target.parse()?, Vec::new()),
            "proxy2" => {
                let (far, address) = spawn(&["proxy", &target]).await?;
                let (near, address) = spawn(&["proxy", &address.to_string()]).await?;
                (address, vec![far, near])
            }
            "tunnel" => {
                let (relay, address) = spawn(&["relay", &target]).await?;
                let (agent, address) = spawn(&["agent", &format!("ws://{address}/tunnel"), protocol]).await?;
                (address, vec![relay, agent])
            }
            other => bail!("no peer `{other}`"),
        };
        Ok(Self { address, children })
    }

    /// CPU seconds of all its processes, user and system.
    fn cpu(&self) -> Result<f64> {
        let mut ticks = 0u64;
        for child in &self.children {
            let id = child.id().context("a peer has ended")?;
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
            let fields = stat.rsplit_once(')').context("odd stat line")?.1.split_whitespace();
            for field in fields.skip(11).take(2) {
                ticks += field.parse::<u64>()?;
            }
        }
        // Linux reports in units of 1/100 s to every program.
        Ok(ticks as f64 / 100.0)
    }

    /// Peak memory of all its processes in MiB.
    fn peak_mib(&self) -> Result<f64> {
        let mut kib = 0u64;
        for child in &self.children {
            let id = child.id().context("a peer has ended")?;
            let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
            kib += line.trim().trim_end_matches(" kB").trim().parse::<u64>()?;
        }
        Ok(kib as f64 / 1024.0)
    }
}

type Figures = BTreeMap<&'static str, f64>;

async fn measure(peer: &Peer, mib: u64, part: Option<&str>) -> Result<Figures> {
    let mut out = Figures::new();
    let total = mib << 20;
    let wanted = |name| part.is_none_or(|part| part == name);
    let bulks: [(&str, &str, Way, u64); 4] = [
        ("up1 MB/s", "up1 CPU s/GB", Way::Up, 1),
        ("down1 MB/s", "down1 CPU s/GB", Way::Down, 1),
        ("up16 MB/s", "up16 CPU s/GB", Way::Up, 16),
        ("down16 MB/s", "down16 CPU s/GB", Way::Down, 16),
    ];
    for (rate, cost, way, streams) in bulks.into_iter().filter(|_| wanted("bulk")) {
        let before = peer.cpu()?;
        let took = load::bulks(peer.address, way, streams, total).await?;
        out.insert(rate, total as f64 / 1e6 / took.as_secs_f64());
        out.insert(cost, (peer.cpu()? - before) / (total as f64 / 1e9));
    }
    let micros = |times: &[Duration], percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
            .map_or(f64::NAN, |t| t.as_secs_f64() * 1e6)
    };
    if wanted("idle") {
        let idle = load::echoes(peer.address, 2000).await?;
        out.insert("echo idle p50 us", micros(&idle, 50));
        out.insert("echo idle p99 us", micros(&idle, 99));
    }
    if wanted("beside") {
        let alone = load::both(peer.address, || true).await?;
        let (beside, rate) = load::echoes_beside(peer.address).await?;
        out.insert("echo bulk p50 us", micros(&beside, 50));
        out.insert("echo bulk p99 us", micros(&beside, 99));
        out.insert("echo bulk count", beside.len() as f64);
        out.insert("both1 alone MB/s", alone);
        out.insert("both1 beside echo MB/s", rate);
        out.insert("both1 beside : alone", rate / alone);
    }
    if wanted("connections") {
        let before = peer.cpu()?;
        let rate = load::connections(peer.address, Duration::from_secs(2)).await?;
        out.insert("connections/s", rate);
        out.insert("CPU ms/connection", (peer.cpu()? - before) * 1e3 / (rate * 2.0));
    }
    out.insert("peak RSS MiB", peer.peak_mib()?);
    Ok(out)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[allow(clippy::print_stdout)]
pub(crate) async fn run(options: &[&str]) -> Result<()> {
    let (mut pairs, mut mib, mut protocol, mut only, mut part) = (3usize, 512u64, "2", None, None);
    for pair in options.chunks(2) {
        match pair {
            ["--pairs", n] => pairs = n.parse()?,
            ["--mib", n] => mib = n.parse()?,
            ["--protocol", n] => protocol = n,
            ["--only", name] => only = Some(*name),
            ["--part", name] => part = Some(*name),
            other => bail!("unknown option {other:?}"),
        }
    }
    let names: Vec<&str> =
        ["direct", "proxy2", "tunnel"].into_iter().filter(|n| only.is_none_or(|o| o == *n)).collect();
    let target = load::target().await?;
    let mut all: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
    for _ in 0..pairs {
        for name in &names {
            let peer = Peer::start(name, target, protocol).await?;
            all.entry(name).or_default().push(measure(&peer, mib, part).await.with_context(|| format!("peer {name}"))?);
        }
    }
    println!(
        "version {protocol}, {pairs} interleaved runs, {mib} MiB each; medians; ratio = proxy2 : tunnel for costs"
    );
    println!("{:<24} {:>10} {:>10} {:>10} {:>8}", "", "direct", "proxy2", "tunnel", "ratio");
    let keys: Vec<&str> =
        all.values().next().and_then(|runs| runs.first()).map(|f| f.keys().copied().collect()).unwrap_or_default();
    for key in keys {
        let of = |name: &str| -> Vec<f64> {
            all.get(name).map(|runs| runs.iter().map(|f| f[key]).collect()).unwrap_or_default()
        };
        let (direct, proxy, tunnel) = (of("direct"), of("proxy2"), of("tunnel"));
        let more_is_better = key.ends_with("/s") || key == "echo bulk count" || key.ends_with("alone");
        let ratios = proxy.iter().zip(&tunnel).map(|(p, t)| if more_is_better { t / p } else { p / t }).collect();
        println!(
            "{key:<24} {:>10.2} {:>10.2} {:>10.2} {:>8.2}",
            median(direct),
            median(proxy),
            median(tunnel),
            median(ratios)
        );
    }
    Ok(())
}
