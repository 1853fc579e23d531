//! Registrations, audit rows and audit pages of EdgeGate's service with one, two and three processes on one database,
//! beside what the bare database does in the same round.
//!
//! Services, AWS's stand-in and PostgreSQL are processes of their own; the load is in this one.

mod aws;
mod bare;
mod database;
mod fill;
mod http;
mod load;
mod process;
mod round;
mod service;
mod table;
mod workspaces;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "usage:
  edgegate-load run [--engine postgres] [--rows 10000,1000000] [--processes 1,2,3] [--seconds 10] [--clients 24]
                    [--pages 500] [--json FILE]
    engine: postgres (Debian's, started here with a data directory of its own in TMPDIR, on disk as it is by default) or
    sqlite (one process); rows: how many the audit has before each round; pages: how many of each kind are read";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Postgres,
    Sqlite,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    kind: Kind,
    rows: Vec<i64>,
    processes: Vec<usize>,
    time: Duration,
    clients: usize,
    pages: usize,
    json: Option<String>,
}

impl Options {
    fn read(given: &[String]) -> Result<Self> {
        let mut options = Self {
            kind: Kind::Postgres,
            rows: vec![10_000, 1_000_000],
            processes: vec![1, 2, 3],
            time: Duration::from_secs(10),
            clients: 24,
            pages: 500,
            json: None,
        };
        for pair in given.chunks(2) {
            let [name, value] = pair else { bail!("{USAGE}") };
            let number = || value.parse::<u32>().with_context(|| format!("{name} {value}")).map(|it| it.max(1));
            match name.as_str() {
                "--engine" if value == "postgres" => options.kind = Kind::Postgres,
                "--engine" if value == "sqlite" => options.kind = Kind::Sqlite,
                "--rows" => options.rows = list(value)?,
                "--processes" => options.processes = list(value)?,
                "--seconds" => options.time = Duration::from_secs(number()?.into()),
                "--clients" => options.clients = number()? as usize,
                "--pages" => options.pages = number()? as usize,
                "--json" => options.json = Some(value.clone()),
                _ => bail!("{USAGE}"),
            }
        }
        if options.kind == Kind::Sqlite {
            options.processes = vec![1];
        }
        Ok(options)
    }
}

fn list<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<Vec<T>> {
    text.split(',').map(|part| part.parse().with_context(|| format!("`{part}` is no number"))).collect()
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
            Some("service") => service::serve().await,
            Some("aws") => aws::serve().await,
            Some("run") => run(&Options::read(&args[1..])?).await,
            Some("--version" | "-V") => {
                say(concat!("edgegate-load ", env!("CARGO_PKG_VERSION")));
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

async fn run(options: &Options) -> Result<()> {
    let mut rounds = Vec::new();
    for rows in &options.rows {
        let database = database::Database::start(options.kind)?;
        rounds.extend(round::all(options, &database, *rows).await?);
    }
    say(&table::markdown(&rounds));
    let json = table::json(options, &rounds);
    match &options.json {
        Some(path) => std::fs::write(path, json).with_context(|| format!("writing {path}"))?,
        None => say(&json),
    }
    Ok(())
}
