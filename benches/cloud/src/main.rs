//! Calls of a cheap tool by many clients, beside a handler that does nothing; idle strangers; a key that is revoked.
//!
//! Both servers are processes of their own, started anew for each round; the load is in this one.

mod client;
mod idle;
mod load;
mod process;
mod revoked;
mod servers;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "usage:
  cloud-load run [--clients 64] [--seconds 10] [--rate 2000] [--rounds 5] [--idle 10000]
    rate 0: as fast as it goes; idle: connections before a key beside the working ones, in every second round";

/// What was asked for.
#[derive(Clone, Copy)]
struct Options {
    clients: usize,
    time: Duration,
    /// Calls per second of all clients together; none: as fast as it goes.
    rate: Option<f64>,
    rounds: usize,
    idle: usize,
}

impl Options {
    fn read(given: &[String]) -> Result<Self> {
        let mut options =
            Self { clients: 64, time: Duration::from_secs(10), rate: Some(2000.0), rounds: 5, idle: 10_000 };
        for pair in given.chunks(2) {
            let [name, value] = pair else { bail!("{USAGE}") };
            let number: u32 = value.parse().with_context(|| format!("{name} {value}"))?;
            match name.as_str() {
                "--clients" => options.clients = number.max(1) as usize,
                "--seconds" => options.time = Duration::from_secs(number.max(1).into()),
                "--rate" => options.rate = Some(f64::from(number)).filter(|rate| *rate > 0.0),
                "--rounds" => options.rounds = number.max(1) as usize,
                "--idle" => options.idle = number as usize,
                _ => bail!("{USAGE}"),
            }
        }
        Ok(options)
    }
}

#[allow(clippy::print_stdout, reason = "what was asked for")]
fn say(text: &str) {
    println!("{text}");
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match args.first().map(String::as_str) {
            Some("cube") => servers::cube().await,
            Some("null") => servers::null().await,
            Some("run") => run(Options::read(&args[1..])?).await,
            Some("--version" | "-V") => {
                say(concat!("cloud-load ", env!("CARGO_PKG_VERSION")));
                Ok(())
            }
            Some("--help" | "-h" | "help") => {
                say(USAGE);
                Ok(())
            }
            _ => bail!("{USAGE}"),
        }
    })
}

async fn run(options: Options) -> Result<()> {
    say(&format!(
        "{} clients, {} s a round, {} files may be open",
        options.clients,
        options.time.as_secs(),
        idle::files()?
    ));
    say(&format!("{:<28} {:>9} {:>9} {:>9} {:>9} {:>7}", "server", "calls/s", "p50 us", "p99 us", "CPU us", "failed"));
    let most = idle::possible(options.idle, options.clients)?;
    if most < options.idle {
        say(&format!("only {most} idle connections: more files may not be open (ulimit -n)"));
    }
    for round in 0..options.rounds {
        // The order turns.
        let mut order =
            [("null handler", "null", 0), ("cube-cloud", "cube", 0), ("cube-cloud, idle beside", "cube", most)];
        order.rotate_left(round % 3);
        for (name, server, idle) in order {
            let server = process::Server::start(server).await?;
            let beside = idle::Idle::open(server.address, idle).await;
            let before = server.cpu()?;
            let figures = load::run(&server, options).await?;
            let cpu = (server.cpu()? - before) * 1e6 / figures.answered.max(1) as f64;
            let name = match beside.open_now() {
                0 => name.to_owned(),
                open => format!("{name}: {open}"),
            };
            say(&format!(
                "{name:<28} {:>9.0} {:>9.0} {:>9.0} {cpu:>9.0} {:>7}",
                figures.rate(),
                figures.micros(50),
                figures.micros(99),
                figures.failed
            ));
        }
    }
    let server = process::Server::start("cube").await?;
    let took = revoked::until_refused(&server).await?;
    say(&format!("a revoked key was refused after {:.2} s", took.as_secs_f64()));
    Ok(())
}
