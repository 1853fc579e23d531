//! Interleaved rounds, and what a row of samples says.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::child::{self, Sample};
use crate::machine::Machine;
use crate::nginx::{Nginx, Port};
use crate::object::Object;
use crate::peer::{Peer, Role};

/// All runs of one reader on one port.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// The reader.
    pub(crate) name: &'static str,
    /// Its part in the judgement.
    pub(crate) role: Role,
    /// The port.
    pub(crate) port: Port,
    /// Length of the object in bytes.
    pub(crate) size: u64,
    /// One sample for each round, in order.
    pub(crate) samples: Vec<Sample>,
}

/// Runs every reader once in each round. The order turns by one from round to round.
pub(crate) fn interleave(
    peers: &[Peer],
    port: Port,
    server: &Nginx,
    object: &Object,
    scratch: &Path,
    rounds: usize,
) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = peers
        .iter()
        .map(|peer| Row { name: peer.name, role: peer.role, port, size: object.size, samples: Vec::new() })
        .collect();
    let place = server.place(port);
    for round in 0..rounds {
        eprint!("{} round {}/{rounds} (load {:.1}):", port.name(), round + 1, Machine::load());
        for turn in 0..peers.len() {
            let index = (turn + round) % peers.len();
            let peer = &peers[index];
            let sample = child::run(peer.command(&place, object, scratch)?, peer.speaks())?;
            eprint!(" {:.0}", rate(object.size, sample.seconds));
            rows[index].samples.push(sample);
            // Sockets of the last reader drain before the next one starts.
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!();
    }
    Ok(rows)
}

/// MiB/s.
pub(crate) fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / f64::from(1 << 20) / seconds
}

/// The middle value; the mean of the two middle ones of an even count; NaN of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

impl Row {
    fn rates(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| rate(self.size, sample.seconds))
    }

    /// Median MiB/s.
    pub(crate) fn rate(&self) -> f64 {
        median(self.rates())
    }

    /// Least and greatest MiB/s.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.rates().fold(f64::INFINITY, f64::min), self.rates().fold(0.0, f64::max))
    }

    /// Median CPU seconds for each GiB read.
    pub(crate) fn cpu_per_gib(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.cpu)) / (self.size as f64 / f64::from(1 << 30))
    }

    /// Median of the peak resident sets, MiB.
    pub(crate) fn peak_rss(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.peak_rss as f64)) / f64::from(1 << 20)
    }

    /// Median over the rounds of this reader's speed divided by the other's in the same round.
    pub(crate) fn times_as_fast_as(&self, other: &Self) -> f64 {
        median(self.samples.iter().zip(&other.samples).map(|(own, other)| other.seconds / own.seconds))
    }

    /// Median over the rounds of this reader's CPU seconds divided by the other's in the same round.
    pub(crate) fn cpu_relative_to(&self, other: &Self) -> f64 {
        median(self.samples.iter().zip(&other.samples).map(|(own, other)| own.cpu / other.cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).is_nan());
    }

    #[test]
    fn ratios_pair_the_rounds() {
        let row = |seconds: [f64; 3]| Row {
            name: "x",
            role: Role::Peer,
            port: Port::Plain,
            size: 1 << 20,
            samples: seconds.map(|seconds| Sample { seconds, cpu: seconds, peak_rss: 0, said: None }).to_vec(),
        };
        // A disturbance that hits both readers of a round leaves the ratio alone.
        let (ours, peer) = (row([1.0, 10.0, 1.0]), row([2.0, 20.0, 2.0]));
        assert!((ours.times_as_fast_as(&peer) - 2.0).abs() < 1e-9);
        assert!((ours.cpu_relative_to(&peer) - 0.5).abs() < 1e-9);
    }
}
