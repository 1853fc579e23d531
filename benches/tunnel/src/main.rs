//! Measures both ends of the tunnel beside proxies and other tunnels, each in processes of its own.
//!
//! CPU time and memory are those of the processes between; the load and the target are in this one. Some
//! subcommands are those processes.

use anyhow::{Context as _, Result, bail};
use cube_sdk_benches_tunnel::{chaos, delay, ends, line, memory, quick, run, stalled};

const USAGE: &str = "usage:
  peers-tunnel run [--peers a,b,…] [--base NAME] [--pairs N] [--mib M] [--part bulk|idle|beside|connections] [--log FILE]
  peers-tunnel line [--mbit N] [--pairs N] [--mib M] [--way up|down] [--log FILE]
  peers-tunnel quick [--mbit N] [--direction up|down|both] [--bulk N] [--echo N] [--warm S] [--seconds S] [--pairs N]
                     [--peers sockets,ssh,null,tunnel,tunnel-v1] [--base NAME] [--log FILE]
  peers-tunnel memory [--pairs N]
  peers-tunnel stalled [--pairs N]
  peers-tunnel chaos [--seconds N] [--protocol 1|2] [--seed N]
peers: direct proxy2 proxy2-64k tunnel tunnel-tls tunnel-v1 agent-v1 null null2 published socat2 bore rathole rusty-penguin wsrx websocat";

#[allow(clippy::print_stdout, reason = "what was asked for")]
fn say(text: &str) -> Result<()> {
    println!("{text}");
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text: Vec<&str> = args.iter().map(String::as_str).collect();
    let threads = std::env::var("PEERS_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let runtime = match (threads, text.first()) {
        (1, Some(&("relay" | "proxy"))) | (_, Some(&("agent" | "null"))) => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        }
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
    }
    .context("could not start a runtime")?;
    runtime.block_on(async {
        match text.as_slice() {
            ["proxy", target] => ends::proxy(target, ends::PROXY_KIB).await,
            ["proxy", target, kib] => ends::proxy(target, kib.parse()?).await,
            ["null", target] => ends::null(target).await,
            ["relay", target, tls @ ..] => ends::relay(target, tls).await,
            ["agent", url, protocol, ca @ ..] => ends::agent(url, protocol, ca).await,
            ["delay", target, mbit] => delay::serve(target, mbit.parse()?).await,
            ["run", options @ ..] => run::run(options).await,
            ["line", options @ ..] => line::run(options).await,
            ["quick", options @ ..] => quick::run(options).await,
            ["memory", options @ ..] => memory::run(options).await,
            ["stalled", options @ ..] => stalled::run(options).await,
            ["chaos", options @ ..] => chaos::program(options).await,
            ["--version" | "-V"] => say(concat!("peers-tunnel ", env!("CARGO_PKG_VERSION"))),
            ["--help" | "-h" | "help"] => say(USAGE),
            _ => bail!("{USAGE}"),
        }
    })
}
