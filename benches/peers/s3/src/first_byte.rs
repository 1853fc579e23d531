//! Time to the first byte: ours and a plain single GET, alternating in one process.

use serde::Serialize;

use crate::round::median;

/// Microseconds from asking for the object to its first chunk.
#[derive(Debug, Serialize)]
pub(crate) struct FirstByte {
    /// Repetitions of each.
    pub(crate) repetitions: usize,
    /// Ours: median and 90th percentile.
    pub(crate) ours: (f64, f64),
    /// A plain GET with aws-sdk-s3: median and 90th percentile.
    pub(crate) plain: (f64, f64),
    /// Median of the ratios of neighbouring repetitions.
    pub(crate) ratio: f64,
}

impl FirstByte {
    /// Sums up neighbouring repetitions.
    pub(crate) fn of(ours: &[f64], plain: &[f64]) -> Self {
        Self {
            repetitions: ours.len(),
            ours: (median(ours.iter().copied()), ninetieth(ours)),
            plain: (median(plain.iter().copied()), ninetieth(plain)),
            ratio: median(ours.iter().zip(plain).map(|(ours, plain)| ours / plain)),
        }
    }
}

fn ninetieth(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() * 9 / 10).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_compared() {
        let summary = FirstByte::of(&[1.0, 10.0, 100.0], &[1.0, 5.0, 100.0]);
        assert!((summary.ours.0 - 10.0).abs() < 1e-9);
        assert!((summary.ours.1 - 100.0).abs() < 1e-9);
        assert!((summary.ratio - 1.0).abs() < 1e-9);
    }
}
