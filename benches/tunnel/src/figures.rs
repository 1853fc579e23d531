//! Figures of interleaved rounds: kept in a file from call to call, shown as medians and ratios.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The figures of one peer in one round, by name. Rates (`/s`), counts and what is left `alone` are better when
/// larger, others when smaller.
pub type Figures = BTreeMap<String, f64>;

/// All rounds of all peers.
#[derive(Debug, Default)]
pub struct Rounds(BTreeMap<String, Vec<Figures>>);

fn is_better_when_larger(name: &str) -> bool {
    ["/s", "count", "alone"].iter().any(|end| name.ends_with(end))
}

/// The middle value; of two middle values the upper.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A percentile of sorted times, in µs.
pub fn micros(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

impl Rounds {
    /// Those of a file that earlier calls wrote; none when there is no file.
    ///
    /// # Errors
    /// When the file is not of this form.
    pub fn of(file: Option<&str>) -> Result<Self> {
        let mut rounds = Self::default();
        let Some(text) = file.and_then(|file| std::fs::read_to_string(file).ok()) else { return Ok(rounds) };
        for line in text.lines() {
            let (peer, rest) = line.split_once('\t').context("no peer in a line")?;
            let mut figures = Figures::new();
            for part in rest.split('\t') {
                let (name, value) = part.split_once('=').context("no figure in a line")?;
                figures.insert(name.to_owned(), value.parse()?);
            }
            rounds.0.entry(peer.to_owned()).or_default().push(figures);
        }
        Ok(rounds)
    }

    /// Adds a round of one peer, and writes it to the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, peer: &str, figures: Figures, file: Option<&str>) -> Result<()> {
        if let Some(file) = file {
            let mut line = peer.to_owned();
            for (name, value) in &figures {
                write!(line, "\t{name}={value}")?;
            }
            writeln!(OpenOptions::new().create(true).append(true).open(file)?, "{line}")?;
        }
        self.0.entry(peer.to_owned()).or_default().push(figures);
        Ok(())
    }

    /// Prints medians of each figure, and the medians of the ratios to `base` of the same round: above 1 is better
    /// than `base`.
    #[allow(clippy::print_stdout)]
    pub fn print(&self, peers: &[&str], base: &str) {
        let peers: Vec<&str> = peers.iter().copied().filter(|peer| self.0.contains_key(*peer)).collect();
        let rounds = peers.iter().map(|peer| self.0[*peer].len()).min().unwrap_or(0);
        println!("medians of {rounds} interleaved rounds; in brackets the median ratio to {base}, above 1 is better");
        print!("{:<24}", "");
        for peer in &peers {
            print!(" {peer:>18}");
        }
        println!();
        let names = peers.first().and_then(|peer| self.0[*peer].first()).map(Figures::keys);
        for name in names.into_iter().flatten() {
            print!("{name:<24}");
            for peer in &peers {
                let own = self.values(peer, name);
                let ratios = own
                    .iter()
                    .zip(self.values(base, name))
                    .map(|(own, base)| if is_better_when_larger(name) { own / base } else { base / own });
                print!(" {:>10.2} ({:>5.2})", median(own.clone()), median(ratios.collect()));
            }
            println!();
        }
    }

    fn values(&self, peer: &str, name: &str) -> Vec<f64> {
        let rounds = self.0.get(peer).into_iter().flatten();
        rounds.map(|figures| figures.get(name).copied().unwrap_or(f64::NAN)).collect()
    }
}

/// The value of `--name` among pairs of options.
///
/// # Errors
/// When an option is not one of `known`, or has no value.
pub fn options<'a>(given: &[&'a str], known: &[&str]) -> Result<BTreeMap<&'a str, &'a str>> {
    let mut found = BTreeMap::new();
    for pair in given.chunks(2) {
        let [name, value] = pair else { anyhow::bail!("{pair:?} has no value") };
        anyhow::ensure!(known.contains(name), "unknown option {name}; known: {known:?}");
        found.insert(*name, *value);
    }
    Ok(found)
}
