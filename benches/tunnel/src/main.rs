//! `peers-tunnel run [--pairs N] [--mib M] [--protocol 1|2] [--only NAME] [--part NAME]`: our agent and relay beside two chained
//! `copy_bidirectional` proxies, interleaved, with the medians of each figure and of their ratios.
//!
//! Every peer runs in processes of its own; CPU time and memory are theirs alone. The load and the target are in this
//! process. The other subcommands are those processes.

mod load;
mod measure;
mod peers;

use anyhow::{Context as _, Result, bail};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text: Vec<&str> = args.iter().map(String::as_str).collect();
    let threads = std::env::var("PEERS_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let runtime = match (threads, text.first()) {
        (1, Some(&("relay" | "proxy"))) | (_, Some(&"agent")) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        }
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    }
    .context("could not start a runtime")?;
    runtime.block_on(async {
        match text.as_slice() {
            ["proxy", target] => peers::proxy(target).await,
            ["relay", target] => peers::relay(target).await,
            ["agent", url, protocol] => peers::agent(url, protocol).await,
            ["run", options @ ..] => measure::run(options).await,
            _ => bail!("usage: peers-tunnel run [--pairs N] [--mib M] [--protocol 1|2] [--only direct|proxy2|tunnel] [--part bulk|idle|beside|connections]"),
        }
    })
}
