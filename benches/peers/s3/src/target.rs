//! The figures to reach, and whether they were.

use serde::Serialize;

use crate::nginx::Port;
use crate::peer::{OURS, OURS_DIGEST, OURS_SMALL, OURS_STORED, Role, SMALL_BOUND};
use crate::round::Row;

/// A target counts as reached within this share of it.
const TOLERANCE: f64 = 0.03;
/// A figure this close to that of a null client in the same run is at the physical bound.
const AT_BOUND: f64 = 0.95;

/// Which side of the target is the good one.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wanted {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

/// What became of a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Within 3 % of the target, or better.
    Reached,
    /// Not reached, and within 5 % of the null client of the same run.
    AtBound,
    /// Not reached.
    Missed,
}

/// One judged figure.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// What is judged.
    pub(crate) figure: String,
    /// The target.
    pub(crate) wanted: Wanted,
    /// What was measured.
    pub(crate) measured: f64,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

impl Verdict {
    /// Judges a figure without a physical bound.
    pub(crate) fn new(figure: impl Into<String>, wanted: Wanted, measured: f64) -> Self {
        let reached = match wanted {
            Wanted::AtLeast(target) => measured >= target * (1.0 - TOLERANCE),
            Wanted::AtMost(target) => measured <= target * (1.0 + TOLERANCE),
        };
        let outcome = if reached { Outcome::Reached } else { Outcome::Missed };
        Self { figure: figure.into(), wanted, measured, outcome }
    }

    /// Accepts the physical bound: `share` is our speed divided by that of the null client.
    fn or_bound(mut self, share: Option<f64>) -> Self {
        if self.outcome == Outcome::Missed && share.is_some_and(|share| share >= AT_BOUND) {
            self.outcome = Outcome::AtBound;
        }
        self
    }
}

/// Judges speed and CPU of the readers' rows.
pub(crate) fn of_rows(rows: &[Row]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (open, capped) in [(Port::Plain, Port::Cap), (Port::Tls, Port::TlsCap)] {
        verdicts.extend(of_capped(rows, capped));
        verdicts.extend(of_open(rows, open));
    }
    let small = rows.iter().filter(|row| row.port == Port::Late && row.name.starts_with(SMALL_BOUND));
    let best = small.max_by(|a, b| a.rate().total_cmp(&b.rate()));
    if let Some((ours, best)) = find(rows, Port::Late, OURS_SMALL).zip(best) {
        let figure = format!("late: {OURS_SMALL} / {}", best.name);
        verdicts.push(Verdict::new(figure, Wanted::AtLeast(0.9), ours.times_as_fast_as(best)));
    }
    verdicts
}

fn find<'a>(rows: &'a [Row], port: Port, name: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.port == port && row.name == name)
}

/// A port that is capped per connection.
fn of_capped(rows: &[Row], port: Port) -> Vec<Verdict> {
    let Some(ours) = find(rows, port, OURS_DIGEST) else { return Vec::new() };
    let bound = find(rows, port, "null 25×8 + SHA-256").map(|null| ours.times_as_fast_as(null));
    let peers = rows.iter().filter(|row| row.port == port && matches!(row.role, Role::Peer | Role::RustPeer));
    let verdict = |peer: &Row| {
        let times = if peer.name.starts_with("awscrt") { 1.0 } else { 1.25 };
        let figure = format!("{}: {OURS_DIGEST} / {}", port.name(), peer.name);
        Verdict::new(figure, Wanted::AtLeast(times), ours.times_as_fast_as(peer)).or_bound(bound)
    };
    peers.map(verdict).collect()
}

/// A port without a cap.
fn of_open(rows: &[Row], port: Port) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let (name, row) = (port.name(), |name: &str| find(rows, port, name));
    let Some(ours) = row(OURS) else { return verdicts };
    let bound = row("null 8×8").map(|null| ours.times_as_fast_as(null));
    let rust = rows.iter().filter(|row| row.port == port && row.role == Role::RustPeer);
    if let Some(best) = rust.max_by(|a, b| a.rate().total_cmp(&b.rate())) {
        let figure = format!("{name}: {OURS} / {} (best Rust peer)", best.name);
        verdicts.push(Verdict::new(figure, Wanted::AtLeast(1.0), ours.times_as_fast_as(best)).or_bound(bound));
    }
    if let Some(digest) = row(OURS_DIGEST) {
        let bound = row("null 4×8 + SHA-256").map(|null| digest.times_as_fast_as(null));
        let figure = format!("{name}: {OURS_DIGEST} / {OURS}");
        verdicts.push(Verdict::new(figure, Wanted::AtLeast(0.75), digest.times_as_fast_as(ours)).or_bound(bound));
        if let Some(sdk) = row("aws-sdk-s3 ranged 8×8 + SHA-256") {
            let figure = format!("{name}: {OURS_DIGEST} / {}", sdk.name);
            verdicts.push(Verdict::new(figure, Wanted::AtLeast(1.2), digest.times_as_fast_as(sdk)).or_bound(bound));
        }
    }
    if let Some(stored) = row(OURS_STORED) {
        let figure = format!("{name}: {OURS_STORED} / {OURS}");
        verdicts.push(Verdict::new(figure, Wanted::AtLeast(0.9), stored.times_as_fast_as(ours)));
        let figure = format!("{name}: CPU of {OURS_STORED} / {OURS}");
        verdicts.push(Verdict::new(figure, Wanted::AtMost(1.2), stored.cpu_relative_to(ours)));
    }
    verdicts.push(Verdict::new(format!("{name}: CPU s/GiB of {OURS}"), Wanted::AtMost(0.70), ours.cpu_per_gib()));
    if let Some(sdk) = row("aws-sdk-s3 ranged 8×8") {
        let figure = format!("{name}: CPU of {OURS} / {}", sdk.name);
        verdicts.push(Verdict::new(figure, Wanted::AtMost(1.1), ours.cpu_relative_to(sdk)));
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_percent_are_granted_and_no_more() {
        assert_eq!(Verdict::new("x", Wanted::AtLeast(1.0), 0.975).outcome, Outcome::Reached);
        assert_eq!(Verdict::new("x", Wanted::AtLeast(1.0), 0.96).outcome, Outcome::Missed);
        assert_eq!(Verdict::new("x", Wanted::AtMost(80.0), 82.0).outcome, Outcome::Reached);
        assert_eq!(Verdict::new("x", Wanted::AtMost(80.0), 83.0).outcome, Outcome::Missed);
        assert_eq!(Verdict::new("x", Wanted::AtLeast(1.0), f64::NAN).outcome, Outcome::Missed);
    }

    #[test]
    fn the_bound_counts_only_near_the_null_client() {
        let missed = || Verdict::new("x", Wanted::AtLeast(1.0), 0.5);
        assert_eq!(missed().or_bound(Some(0.96)).outcome, Outcome::AtBound);
        assert_eq!(missed().or_bound(Some(0.9)).outcome, Outcome::Missed);
        assert_eq!(missed().or_bound(None).outcome, Outcome::Missed);
    }
}
