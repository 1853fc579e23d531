//! Peak resident set of our reader over that of the same program doing nothing.

use serde::Serialize;

use crate::child::{self, Sample};
use crate::nginx::{Nginx, Port};
use crate::object::Object;
use crate::peer;
use crate::round::median;

/// One case, in MiB, medians of the runs.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    /// What was run.
    pub(crate) case: String,
    /// Peak resident set.
    pub(crate) peak: f64,
    /// Peak resident set of the same process with its runtime and client, and no request.
    pub(crate) idle: f64,
    /// The most that the reader's own accounts showed.
    pub(crate) accounted: Option<f64>,
}

impl Memory {
    /// What reading costs.
    pub(crate) fn over_idle(&self) -> f64 {
        self.peak - self.idle
    }
}

/// Arguments of our reader in each case; the budget is the default of 64 MiB.
const CASES: [(&str, Line, &str); 6] = [
    ("digest off", Line::Open, "ours"),
    ("digest on", Line::Open, "ours --digest"),
    ("digest on", Line::Capped, "ours --digest"),
    ("consumer of 100 MiB/s", Line::Open, "ours --digest --pace 100"),
    ("stalled consumer", Line::Open, "ours --digest --stall"),
    ("stalled consumer", Line::Capped, "ours --digest --stall"),
];

#[derive(Clone, Copy, Debug)]
enum Line {
    Open,
    Capped,
}

/// The open port and the capped one.
pub(crate) const OPEN: [Port; 2] = [Port::Plain, Port::Cap];
/// The same over TLS.
pub(crate) const TLS: [Port; 2] = [Port::Tls, Port::TlsCap];

/// Runs every case `rounds` times.
pub(crate) fn measure(
    server: &Nginx,
    object: &Object,
    [open, capped]: [Port; 2],
    rounds: usize,
) -> anyhow::Result<Vec<Memory>> {
    let run = |port: Port, arguments: &str| -> anyhow::Result<Vec<Sample>> {
        let place = server.place(port);
        let once = || child::run(peer::inside(arguments, &place, object)?, true);
        (0..rounds).map(|_| once()).collect()
    };
    let mib = |bytes: &mut dyn Iterator<Item = u64>| median(bytes.map(|bytes| bytes as f64)) / f64::from(1 << 20);
    let idle = mib(&mut run(open, "ours --idle")?.iter().map(|sample| sample.peak_rss));
    CASES
        .into_iter()
        .map(|(case, line, arguments)| {
            let port = match line {
                Line::Open => open,
                Line::Capped => capped,
            };
            let case = format!("{}, {case}", port.name());
            eprintln!("memory: {case}");
            let samples = run(port, arguments)?;
            let accounts: Vec<u64> = samples.iter().filter_map(|s| s.said.as_ref()?.accounted).collect();
            Ok(Memory {
                case,
                peak: mib(&mut samples.iter().map(|sample| sample.peak_rss)),
                idle,
                accounted: accounts.iter().max().map(|most| *most as f64 / f64::from(1 << 20)),
            })
        })
        .collect()
}
