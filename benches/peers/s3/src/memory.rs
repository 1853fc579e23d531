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
const CASES: [(&str, Port, &str); 6] = [
    ("plain, digest off", Port::Plain, "ours"),
    ("plain, digest on", Port::Plain, "ours --digest"),
    ("cap, digest on", Port::Cap, "ours --digest"),
    ("plain, consumer of 100 MiB/s", Port::Plain, "ours --digest --pace 100"),
    ("plain, stalled consumer", Port::Plain, "ours --digest --stall"),
    ("cap, stalled consumer", Port::Cap, "ours --digest --stall"),
];

/// Runs every case `rounds` times.
pub(crate) fn measure(server: &Nginx, object: &Object, rounds: usize) -> anyhow::Result<Vec<Memory>> {
    let run = |port: Port, arguments: &str| -> anyhow::Result<Vec<Sample>> {
        let address = server.address(port).to_string();
        let once = || child::run(peer::inside(arguments, &address, object)?, true);
        (0..rounds).map(|_| once()).collect()
    };
    let mib = |bytes: &mut dyn Iterator<Item = u64>| median(bytes.map(|bytes| bytes as f64)) / f64::from(1 << 20);
    let idle = mib(&mut run(Port::Plain, "ours --idle")?.iter().map(|sample| sample.peak_rss));
    CASES
        .into_iter()
        .map(|(case, port, arguments)| {
            eprintln!("memory: {case}");
            let samples = run(port, arguments)?;
            let accounts: Vec<u64> = samples.iter().filter_map(|s| s.said.as_ref()?.accounted).collect();
            Ok(Memory {
                case: case.to_owned(),
                peak: mib(&mut samples.iter().map(|sample| sample.peak_rss)),
                idle,
                accounted: accounts.iter().max().map(|most| *most as f64 / f64::from(1 << 20)),
            })
        })
        .collect()
}
