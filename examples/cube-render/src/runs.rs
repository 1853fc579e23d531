//! Runs.

use cube_sdk::byo::rest::{GateOperator, GateResult, RunDetail, RunSummary};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::table::or_dash;
use crate::{Step, View};

/// A run that was started.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Started {
    /// Its id.
    pub run_id: String,
    /// Its pipeline.
    pub pipeline_id: String,
    /// Its state.
    pub status: String,
    /// The workspace, to ask with.
    pub workspace_id: String,
}

impl Started {
    /// A run of this workspace.
    pub fn new(run: &RunSummary, workspace: &str) -> Self {
        Self {
            run_id: run.id.to_string(),
            pipeline_id: run.pipeline_id.to_string(),
            status: run.status.to_string(),
            workspace_id: workspace.to_owned(),
        }
    }
}

impl View for Started {
    const NAME: &'static str = "run.started";

    fn text(&self) -> String {
        let Self { run_id, pipeline_id, status, .. } = self;
        format!(
            "The run is started.\nrun_id: {run_id}\npipeline: {pipeline_id}\nstatus: {status}\n\
             It usually takes 3 to 5 minutes per device."
        )
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::CheckRun { workspace: self.workspace_id.clone(), run: self.run_id.clone() }]
    }
}

/// How one gate was judged.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Gate {
    /// What was measured; for a gate about layers its words.
    pub metric: String,
    /// How it was compared: `<=`, `<`, `>=`, `>`, `==`.
    pub operator: String,
    /// With what.
    pub threshold: Option<f64>,
    /// What was measured.
    pub actual: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
}

impl From<&GateResult> for Gate {
    fn from(gate: &GateResult) -> Self {
        let operator = match &gate.operator {
            GateOperator::Lte => "<=",
            GateOperator::Lt => "<",
            GateOperator::Gte => ">=",
            GateOperator::Gt => ">",
            GateOperator::Eq => "==",
            other => other.as_str(),
        };
        let metric =
            if gate.metric.is_empty() { gate.description.clone().unwrap_or_default() } else { gate.metric.clone() };
        Self {
            metric,
            operator: operator.to_owned(),
            threshold: gate.threshold,
            actual: gate.actual_value,
            passed: gate.passed,
        }
    }
}

/// A run with its results.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct RunShown {
    /// Its id.
    pub run_id: String,
    /// Its state, such as `passed`.
    pub status: String,
    /// It is over.
    pub ended: bool,
    /// Its pipeline.
    pub pipeline_id: String,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// What started it.
    pub trigger: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it ended.
    pub completed_at: Option<String>,
    /// What was measured.
    pub metrics: Map<String, Value>,
    /// Its gates.
    pub gates: Vec<Gate>,
    /// Whether all of them hold; none where they were not judged.
    pub passed: Option<bool>,
    /// Why it failed, as a code.
    pub error_code: Option<String>,
    /// Why it failed, in words.
    pub error_detail: Option<String>,
    /// What to do about it, where storage failed it.
    pub fix: Option<String>,
    /// The artifact that holds its evidence.
    pub bundle_artifact_id: Option<String>,
}

impl From<&RunDetail> for RunShown {
    fn from(run: &RunDetail) -> Self {
        let summary = &run.summary;
        let metrics = run.normalized_metrics.iter().flat_map(|metrics| metrics.iter());
        let gates = run.gates_eval.as_ref();
        Self {
            run_id: summary.id.to_string(),
            status: summary.status.to_string(),
            ended: summary.has_ended(),
            pipeline_id: summary.pipeline_id.to_string(),
            pipeline_name: summary.pipeline_name.clone(),
            trigger: summary.trigger.as_ref().map(ToString::to_string),
            created_at: summary.created_at.to_string(),
            completed_at: summary.completed_at.as_ref().map(ToString::to_string),
            metrics: metrics.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            gates: gates.iter().flat_map(|eval| &eval.gates).map(Gate::from).collect(),
            passed: gates.and_then(|eval| eval.passed),
            error_code: summary.error_code.clone(),
            error_detail: summary.error_detail.clone(),
            fix: run.byo().map(|fault| fault.code().fix().to_owned()),
            bundle_artifact_id: run.bundle_artifact_id.as_ref().map(ToString::to_string),
        }
    }
}

impl View for RunShown {
    const NAME: &'static str = "run";

    fn text(&self) -> String {
        let mut lines = vec![
            format!("run {}: {}", self.run_id, self.status.to_uppercase()),
            format!("pipeline: {} ({})", self.pipeline_name, self.pipeline_id),
            format!("trigger: {}", or_dash(self.trigger.as_ref())),
            format!("start: {}", self.created_at),
            format!("end: {}", self.completed_at.as_deref().unwrap_or("in flight")),
        ];
        lines.extend(self.metrics.iter().map(|(name, value)| format!("{name}: {value}")));
        for gate in &self.gates {
            let sign = if gate.passed { "pass" } else { "FAIL" };
            let (threshold, actual) = (or_dash(gate.threshold), or_dash(gate.actual));
            lines.push(format!("[{sign}] {} {} {threshold}: measured {actual}", gate.metric, gate.operator));
        }
        if let Some(passed) = self.passed {
            lines.push(format!("verdict: {}", if passed { "every gate holds" } else { "not every gate holds" }));
        }
        if self.error_code.is_some() || self.error_detail.is_some() {
            let detail = or_dash(self.error_detail.as_ref());
            lines.push(format!("error: {}: {detail}", or_dash(self.error_code.as_ref())));
        }
        if let Some(fix) = &self.fix {
            lines.push(format!("fix: {fix}. Cells that were finished are kept."));
        }
        if let Some(bundle) = &self.bundle_artifact_id {
            lines.push(format!("evidence: artifact {bundle}"));
        }
        lines.join("\n")
    }
}
