//! How a run ends, given how its cells ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cell::{Ended, Failure};
use crate::edgegate::executor::CellReport;
use crate::edgegate::gates;
use crate::store::definition::Gate;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) status: &'static str,
    pub(crate) error_code: Option<String>,
    pub(crate) error_detail: Option<String>,
    pub(crate) normalized_metrics: Option<Value>,
    pub(crate) gates_eval: Option<Value>,
}

/// What S3 answers of an object that the customer has archived: no verdict on the grant, and no fault of this side.
const ARCHIVED: &str = "InvalidObjectState";

fn is_customers(failure: &Failure) -> bool {
    failure.code.starts_with("BYO_") || failure.code == ARCHIVED
}

/// `passed`: every cell finished and every gate holds. `failed`: a gate does not hold, or the customer's side stopped a
/// cell (a `BYO_*` code, an archived object), whatever else failed. `error`: only this side failed.
///
/// Metrics of the run are the medians over its finished cells; gates see the worst of them.
pub(crate) fn verdict(gates: &[Gate], cells: &[Ended]) -> Verdict {
    let finished: Vec<&CellReport> = cells.iter().filter_map(|cell| cell.report.as_ref().ok()).collect();
    let failures: Vec<_> = cells.iter().filter_map(|cell| cell.report.as_ref().err()).collect();
    let theirs = failures.iter().find(|failure| is_customers(failure));
    let cause = theirs.or(failures.first());
    let judged = gates::judge(gates, finished.iter().copied());
    let status = match (theirs, failures.is_empty()) {
        (Some(_), _) => "failed",
        (None, false) => "error",
        (None, true) if judged.iter().all(|gate| gate.passed) => "passed",
        (None, true) => "failed",
    };
    Verdict {
        status,
        error_code: cause.map(|failure| failure.code.clone()),
        error_detail: cause.map(|failure| {
            format!("{} of {} cells failed: {}: {}", failures.len(), cells.len(), failure.code, failure.detail)
        }),
        normalized_metrics: medians(&finished),
        gates_eval: Some(gates::gates_eval(&judged)),
    }
}

fn medians(reports: &[&CellReport]) -> Option<Value> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in reports.iter().flat_map(|report| &report.metrics) {
        values.entry(name).or_default().push(*value);
    }
    let medians = values.into_iter().map(|(name, mut values)| {
        values.sort_by(f64::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        (name.to_owned(), Value::from((low + high) / 2.0))
    });
    (!reports.is_empty()).then(|| Value::Object(medians.collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::definition::Metric;

    fn gate() -> Gate {
        let on = Metric::Named("tps".into());
        Gate { on, operator: "gte".into(), threshold: 2.0, description: None }
    }

    fn done(tps: f64) -> Ended {
        Ended { report: Ok(CellReport::default().metric("tps", tps)) }
    }

    fn failed(code: &str) -> Ended {
        Ended { report: Err(Failure { code: code.into(), detail: "why".into() }) }
    }

    fn judged(cells: &[Ended]) -> (&'static str, Option<String>) {
        let verdict = verdict(&[gate()], cells);
        (verdict.status, verdict.error_code)
    }

    #[test]
    fn statuses() {
        assert_eq!(judged(&[done(2.0), done(3.0)]), ("passed", None));
        assert_eq!(judged(&[done(1.0), done(3.0)]), ("failed", None));
        let role = Some("BYO_ASSUME_ROLE_FAILED".to_owned());
        assert_eq!(judged(&[done(2.0), failed("BYO_ASSUME_ROLE_FAILED")]), ("failed", role.clone()));
        assert_eq!(judged(&vec![failed("BYO_ASSUME_ROLE_FAILED"); 3]), ("failed", role.clone()));
        assert_eq!(judged(&[failed("COMPILE_FAILED"), failed("BYO_ASSUME_ROLE_FAILED")]), ("failed", role));
        let archived = Some("InvalidObjectState".to_owned());
        assert_eq!(judged(&[failed("COMPILE_FAILED"), failed("InvalidObjectState")]), ("failed", archived));
        assert_eq!(judged(&[done(2.0), failed("COMPILE_FAILED")]), ("error", Some("COMPILE_FAILED".to_owned())));
    }

    #[test]
    fn detail_counts_and_metrics_are_medians() {
        let verdict = verdict(&[gate()], &[done(2.0), done(4.0), failed("BYO_NO_GRANT")]);
        assert_eq!(verdict.error_detail.unwrap(), "1 of 3 cells failed: BYO_NO_GRANT: why");
        assert_eq!(verdict.normalized_metrics.unwrap(), json!({ "tps": 3.0 }));
        assert_eq!(verdict.gates_eval.unwrap()["gates"][0]["actual_value"], 2.0);
    }
}
