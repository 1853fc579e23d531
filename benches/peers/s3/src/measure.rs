//! The whole run: object, server, rounds, report.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::child;
use crate::first_byte::FirstByte;
use crate::machine::Machine;
use crate::memory;
use crate::nginx::{Nginx, Port};
use crate::object;
use crate::peer::{self, Peer};
use crate::report::Report;
use crate::round::{self, Row};
use crate::target::{self, Outcome, Verdict, Wanted};

/// What is measured, and how often.
#[derive(Args, Clone, Debug)]
pub(crate) struct Measure {
    /// Length of the object, such as 256MiB or 2GiB.
    #[arg(long, default_value = "2GiB", value_parser = object::length)]
    size: u64,
    /// Interleaved rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only readers whose name contains one of these words.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these parts of the run.
    #[arg(long, value_delimiter = ',', default_value = "plain,cap,late,tls,memory,first-byte")]
    part: Vec<Part>,
    /// Repetitions of the first-byte comparison.
    #[arg(long, default_value_t = 300)]
    repetitions: usize,
    /// Directory for the object and the server's files; a temporary one if not given.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Where the figures go as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the page goes; it is also printed.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    Plain,
    Cap,
    Late,
    /// Both ports over TLS, memory included.
    Tls,
    Memory,
    FirstByte,
}

/// Runs it. A missed target is in the report and is no error of the run.
pub(crate) fn run(measure: &Measure) -> anyhow::Result<()> {
    anyhow::ensure!(measure.size > 0 && measure.rounds > 0, "--size and --rounds must be positive");
    let scratch = tempfile::Builder::new().prefix("peers-s3-").tempdir()?;
    let scratch = measure.scratch.clone().unwrap_or_else(|| scratch.path().to_path_buf());
    eprintln!("writing the object of {} bytes", measure.size);
    let object = object::write(&scratch.join("www"), measure.size)?;
    let Some(server) = Nginx::start(&scratch, &object)? else { return Ok(()) };
    let peers: Vec<Peer> = peer::all()?.into_iter().filter(|peer| measure.wants(peer.name)).collect();
    eprintln!("{}: {}", server.version, peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", "));

    let before = Machine::load();
    let mut rows: Vec<Row> = Vec::new();
    let ports = [
        (Part::Plain, Port::Plain),
        (Part::Cap, Port::Cap),
        (Part::Late, Port::Late),
        (Part::Tls, Port::Tls),
        (Part::Tls, Port::TlsCap),
    ];
    for (part, port) in ports {
        if measure.part.contains(&part) {
            let here: Vec<Peer> = peers.iter().filter(|peer| peer.ports.contains(&port)).cloned().collect();
            rows.extend(round::interleave(&here, port, &server, &object, &scratch, measure.rounds)?);
        }
    }
    let mut verdicts = target::of_rows(&rows);

    let mut used = Vec::new();
    for (part, lines) in [(Part::Memory, memory::OPEN), (Part::Tls, memory::TLS)] {
        if measure.part.contains(&part) {
            used.extend(memory::measure(&server, &object, lines, measure.rounds.min(3))?);
        }
    }
    let verdict = |case: &memory::Memory| {
        Verdict::new(format!("MiB over idle: {}", case.case), Wanted::AtMost(80.0), case.over_idle())
    };
    verdicts.extend(used.iter().map(verdict));
    let mut first_byte = None;
    if measure.part.contains(&Part::FirstByte) {
        let arguments = format!("first-byte --repetitions {}", measure.repetitions);
        let place = server.place(Port::Plain);
        let said = child::run(peer::inside(&arguments, &place, &object)?, true)?.said;
        let [ours, plain] = said.and_then(|said| said.first_byte).context("no first-byte times")?;
        let times = FirstByte::of(&ours, &plain);
        verdicts.push(Verdict::new("first byte: cube-sdk / plain single GET", Wanted::AtMost(1.2), times.ratio));
        first_byte = Some(times);
    }

    let missed = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Missed).count();
    let report = Report {
        machine: Machine::describe(),
        server: server.version.clone(),
        size: measure.size,
        rounds: measure.rounds,
        load: [before, Machine::load()],
        rows,
        memory: used,
        first_byte,
        verdicts,
    };
    let page = report.markdown();
    println!("{page}");
    eprintln!("{missed} of {} figures not reached", report.verdicts.len());
    if let Some(path) = &measure.markdown {
        std::fs::write(path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &measure.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

impl Measure {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| name.contains(word.as_str()))
    }
}
