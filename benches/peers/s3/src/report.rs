//! The report: a Markdown page and a JSON file.

use std::fmt::Write as _;

use serde::Serialize;

use crate::first_byte::FirstByte;
use crate::late::DELAY;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::nginx::{CAP_MIB_PER_S, Port};
use crate::peer::{OURS, OURS_DIGEST};
use crate::round::Row;
use crate::target::{Outcome, Verdict, Wanted};

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Where.
    pub(crate) machine: Machine,
    /// First line of `nginx -v`.
    pub(crate) server: String,
    /// Length of the object in bytes.
    pub(crate) size: u64,
    /// Interleaved rounds.
    pub(crate) rounds: usize,
    /// Load average before and after.
    pub(crate) load: [f64; 2],
    /// A row for each reader and port.
    pub(crate) rows: Vec<Row>,
    /// Peak resident sets of ours over idle.
    pub(crate) memory: Vec<Memory>,
    /// Times to the first byte.
    pub(crate) first_byte: Option<FirstByte>,
    /// The judged figures.
    pub(crate) verdicts: Vec<Verdict>,
}

impl Report {
    /// The page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut page);
        page
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        let (gib, machine) = (self.size as f64 / f64::from(1 << 30), &self.machine);
        writeln!(
            page,
            "{} × {}, {} MiB, Linux {}; {}; object of {gib:.2} GiB, on loopback, {} interleaved rounds; load {:.1} \
             before, {:.1} after.\n",
            machine.cores,
            machine.processor,
            machine.memory_mib,
            machine.kernel,
            self.server,
            self.rounds,
            self.load[0],
            self.load[1],
        )?;
        for port in [Port::Plain, Port::Cap, Port::Late, Port::Tls, Port::TlsCap] {
            let rows: Vec<_> = self.rows.iter().filter(|row| row.port == port).collect();
            if !rows.is_empty() {
                table(page, port, &rows)?;
            }
        }
        if !self.memory.is_empty() {
            writeln!(page, "| cube-sdk, budget 64 MiB | peak RSS MiB | idle MiB | over idle MiB | accounted MiB |")?;
            writeln!(page, "|---|---|---|---|---|")?;
            for memory in &self.memory {
                writeln!(
                    page,
                    "| {} | {:.1} | {:.1} | {:.1} | {} |",
                    memory.case,
                    memory.peak,
                    memory.idle,
                    memory.over_idle(),
                    memory.accounted.map_or("–".to_owned(), |mib| format!("{mib:.1}")),
                )?;
            }
            writeln!(page)?;
        }
        if let Some(first) = &self.first_byte {
            writeln!(
                page,
                "First byte, {} alternating repetitions, median (p90): cube-sdk {:.0} µs ({:.0}), plain single GET of \
                 aws-sdk-s3 {:.0} µs ({:.0}).\n",
                first.repetitions, first.ours.0, first.ours.1, first.plain.0, first.plain.1
            )?;
        }
        writeln!(page, "| figure | target | measured | |\n|---|---|---|---|")?;
        for verdict in &self.verdicts {
            let wanted = match verdict.wanted {
                Wanted::AtLeast(value) => format!("≥ {value:.2}"),
                Wanted::AtMost(value) => format!("≤ {value:.2}"),
            };
            let outcome = match verdict.outcome {
                Outcome::Reached => "reached",
                Outcome::AtBound => "not reached: at the bound shown by the null client",
                Outcome::Missed => "**not reached**",
            };
            writeln!(page, "| {} | {wanted} | {:.2} | {outcome} |", verdict.figure, verdict.measured)?;
        }
        Ok(())
    }
}

fn table(page: &mut String, port: Port, rows: &[&Row]) -> std::fmt::Result {
    match port {
        Port::Plain => writeln!(page, "Plain port:\n")?,
        Port::Tls => writeln!(page, "Port with TLS:\n")?,
        Port::TlsCap => writeln!(page, "Port with TLS, capped at {CAP_MIB_PER_S} MiB/s per connection:\n")?,
        Port::Cap => writeln!(page, "Port capped at {CAP_MIB_PER_S} MiB/s per connection:\n")?,
        Port::Late => {
            writeln!(page, "Port capped at {CAP_MIB_PER_S} MiB/s per connection, first bytes {DELAY:?} late:\n")?;
        }
    }
    let ours = rows.iter().find(|row| row.name == OURS);
    let digest = rows.iter().find(|row| row.name == OURS_DIGEST);
    writeln!(
        page,
        "| reader | MiB/s median (min–max) | CPU s/GiB | peak RSS MiB | {OURS} / it | {OURS_DIGEST} / it |"
    )?;
    writeln!(page, "|---|---|---|---|---|---|")?;
    for row in rows {
        let (least, most) = row.range();
        let ratio =
            |ours: Option<&&Row>| ours.map_or("–".to_owned(), |ours| format!("{:.2}", ours.times_as_fast_as(row)));
        writeln!(
            page,
            "| {} | {:.0} ({least:.0}–{most:.0}) | {:.2} | {:.0} | {} | {} |",
            row.name,
            row.rate(),
            row.cpu_per_gib(),
            row.peak_rss(),
            ratio(ours),
            ratio(digest),
        )?;
    }
    writeln!(page)
}
