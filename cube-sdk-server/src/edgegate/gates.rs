//! Judges gates: per cell on what the cell measured, per run on the worst of its finished cells.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::{Value, json};

use super::executor::CellReport;
use crate::store::definition::{Gate, Metric};

/// Values that differ by no more count as equal.
const EQUAL_WITHIN: f64 = 1e-9;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Judged {
    pub(crate) metric: String,
    pub(crate) operator: String,
    pub(crate) threshold: f64,
    pub(crate) passed: bool,
    pub(crate) description: Option<String>,
    pub(crate) actual_value: Option<f64>,
}

impl Gate {
    fn label(&self) -> String {
        match &self.on {
            Metric::Named(name) => name.clone(),
            Metric::Composition { op_type, compute_unit } => format!("composition:{compute_unit}:{op_type}"),
        }
    }

    fn value(&self, report: &CellReport) -> Option<f64> {
        match &self.on {
            Metric::Named(name) => report.metrics.get(name).copied().filter(|value| value.is_finite()),
            Metric::Composition { op_type, compute_unit } => report.layers.as_ref().map(|layers| {
                layers
                    .iter()
                    .filter(|layer| layer.compute_unit.eq_ignore_ascii_case(compute_unit))
                    .filter(|layer| op_type == "*" || layer.op_type.eq_ignore_ascii_case(op_type))
                    .map(|layer| f64::from(layer.count))
                    .sum()
            }),
        }
    }

    fn holds(&self, actual: f64) -> bool {
        match self.operator.as_str() {
            "lte" => actual <= self.threshold,
            "lt" => actual < self.threshold,
            "gte" => actual >= self.threshold,
            "gt" => actual > self.threshold,
            "eq" => (actual - self.threshold).abs() <= EQUAL_WITHIN,
            _ => false,
        }
    }

    /// Orders values from best to worst for this gate.
    fn worse(&self, a: f64, b: f64) -> Ordering {
        match self.operator.as_str() {
            "gte" | "gt" => b.total_cmp(&a),
            "eq" => (a - self.threshold).abs().total_cmp(&(b - self.threshold).abs()),
            _ => a.total_cmp(&b),
        }
    }

    fn judged(&self, actual_value: Option<f64>) -> Judged {
        Judged {
            metric: self.label(),
            operator: self.operator.clone(),
            threshold: self.threshold,
            passed: actual_value.is_some_and(|value| self.holds(value)),
            description: self.description.clone(),
            actual_value,
        }
    }
}

/// Judges what cells measured. With several, each gate sees the worst value; a value that one of them did not
/// produce fails the gate.
pub(crate) fn judge<'a>(gates: &[Gate], reports: impl Iterator<Item = &'a CellReport> + Clone) -> Vec<Judged> {
    gates
        .iter()
        .map(|gate| {
            let values: Option<Vec<f64>> = reports.clone().map(|report| gate.value(report)).collect();
            gate.judged(values.and_then(|values| values.into_iter().max_by(|a, b| gate.worse(*a, *b))))
        })
        .collect()
}

/// `GatesEval` as it stands on the wire.
pub(crate) fn gates_eval(judged: &[Judged]) -> Value {
    json!({ "passed": judged.iter().all(|gate| gate.passed), "gates": judged })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::executor::Layer;
    use super::*;

    fn gate(operator: &str, threshold: f64) -> Gate {
        Gate { on: Metric::Named("tps".into()), operator: operator.into(), threshold, description: None }
    }

    fn report(tps: f64) -> CellReport {
        CellReport::default().metric("tps", tps)
    }

    #[test]
    fn operators() {
        for (operator, below, at, above) in [
            ("lte", true, true, false),
            ("lt", true, false, false),
            ("gte", false, true, true),
            ("gt", false, false, true),
            ("eq", false, true, false),
        ] {
            let holds = |value| judge(&[gate(operator, 2.0)], [report(value)].iter())[0].passed;
            assert_eq!((holds(1.9), holds(2.0), holds(2.1)), (below, at, above), "{operator}");
        }
    }

    #[test]
    fn a_metric_that_was_not_produced_fails_with_null() {
        for reports in [vec![], vec![CellReport::default()], vec![report(9.0), CellReport::default()]] {
            let judged = judge(&[gate("gte", 0.0)], reports.iter());
            assert!(!judged[0].passed);
            assert_eq!(gates_eval(&judged)["gates"][0]["actual_value"], Value::Null);
        }
    }

    #[test]
    fn several_cells_show_the_worst() {
        let reports = [report(5.0), report(1.0), report(3.0)];
        let actual = |operator, threshold| judge(&[gate(operator, threshold)], reports.iter())[0].actual_value;
        assert_eq!(actual("lte", 4.0), Some(5.0));
        assert_eq!(actual("gte", 4.0), Some(1.0));
        assert_eq!(actual("eq", 4.5), Some(1.0));
    }

    #[test]
    fn composition_counts_layers() {
        let layers = vec![
            Layer { op_type: "Conv".into(), compute_unit: "NPU".into(), count: 7 },
            Layer { op_type: "Softmax".into(), compute_unit: "CPU".into(), count: 2 },
        ];
        let report = CellReport { layers: Some(layers), ..CellReport::default() };
        let on = |op: &str, unit: &str| Metric::Composition { op_type: op.into(), compute_unit: unit.into() };
        let count = |on| judge(&[Gate { on, ..gate("lte", 0.0) }], [report.clone()].iter())[0].actual_value;
        assert_eq!(count(on("*", "CPU")), Some(2.0));
        assert_eq!(count(on("conv", "NPU")), Some(7.0));
        assert_eq!(count(on("Conv", "GPU")), Some(0.0));
    }
}
