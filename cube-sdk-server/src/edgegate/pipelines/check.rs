//! What a new pipeline must keep to: EdgeGate REST, `POST pipelines` and its limits.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use crate::edgegate::contracts;
use crate::refusal::{Answer, Refusal};
use crate::store::definition::{Definition, Gate, InputSpec, MatrixModel, Metric, RunPolicy};

const MAX_DEVICES: usize = 5;
const MAX_MODELS: usize = 10;
const MAX_CELLS: usize = 25;
const MAX_GATES: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct NewPipeline {
    name: String,
    device_matrix: Vec<Device>,
    promptpack_ref: PackRef,
    gates: Vec<NewGate>,
    model_matrix: Option<Vec<NewModel>>,
    run_policy: Option<RunPolicy>,
    input_specs: Option<BTreeMap<String, InputSpec>>,
}

#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(Debug, Deserialize)]
struct PackRef {
    promptpack_id: String,
    #[serde(default = "first_version")]
    version: String,
}

#[derive(Debug, Deserialize)]
struct NewModel {
    label: String,
    artifact_id: Option<String>,
    llm_compile_source: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct NewGate {
    #[serde(rename = "type")]
    kind: Option<String>,
    metric: Option<String>,
    op_type: Option<String>,
    compute_unit: Option<String>,
    operator: String,
    threshold: f64,
    description: Option<String>,
}

const fn yes() -> bool {
    true
}
fn first_version() -> String {
    "1.0.0".to_owned()
}

fn ensure(holds: bool, issue: impl FnOnce() -> String) -> Answer<()> {
    if holds { Ok(()) } else { Err(Refusal::invalid(issue())) }
}

fn is_short(text: &str) -> bool {
    (1..=255).contains(&text.chars().count())
}

impl NewPipeline {
    /// The name and the definition, if every rule is kept; else 422 that names the field.
    pub(crate) fn checked(self) -> Answer<(String, Definition)> {
        ensure(is_short(&self.name), || "name: 1 to 255 characters are allowed".into())?;
        let devices = devices(self.device_matrix)?;
        let gates: Vec<Gate> =
            self.gates.into_iter().enumerate().map(|(index, gate)| gate.checked(index)).collect::<Answer<_>>()?;
        ensure((1..=MAX_GATES).contains(&gates.len()), || format!("gates: 1 to {MAX_GATES} are allowed"))?;
        let models = match self.model_matrix {
            None => Vec::new(),
            Some(matrix) => models(matrix)?,
        };
        let cells = devices.len() * models.len().max(1);
        ensure(cells <= MAX_CELLS, || {
            format!(
                "model_matrix: {} models on {} devices are {cells} cells, at most {MAX_CELLS} are allowed",
                models.len(),
                devices.len()
            )
        })?;
        let run_policy = self.run_policy.unwrap_or_default();
        run_policy.check()?;
        let input_specs = self.input_specs.unwrap_or_default();
        for (name, spec) in &input_specs {
            spec.check(name)?;
        }
        let definition = Definition {
            devices,
            promptpack_id: self.promptpack_ref.promptpack_id,
            promptpack_version: self.promptpack_ref.version,
            gates,
            models,
            run_policy,
            input_specs,
        };
        Ok((self.name, definition))
    }
}

fn devices(matrix: Vec<Device>) -> Answer<Vec<String>> {
    ensure((1..=MAX_DEVICES).contains(&matrix.len()), || {
        format!("device_matrix: 1 to {MAX_DEVICES} devices are allowed")
    })?;
    let mut seen = HashSet::new();
    for device in &matrix {
        ensure(is_short(&device.name), || "device_matrix: a device's name has 1 to 255 characters".into())?;
        ensure(seen.insert(device.name.clone()), || {
            format!("device_matrix: `{}` stands twice", device.name.escape_debug())
        })?;
    }
    let enabled: Vec<_> = matrix.into_iter().filter(|device| device.enabled).map(|device| device.name).collect();
    ensure(!enabled.is_empty(), || "device_matrix: no device is enabled".into())?;
    Ok(enabled)
}

fn models(matrix: Vec<NewModel>) -> Answer<Vec<MatrixModel>> {
    ensure((1..=MAX_MODELS).contains(&matrix.len()), || format!("model_matrix: 1 to {MAX_MODELS} models are allowed"))?;
    let mut seen = HashSet::new();
    let mut models = Vec::with_capacity(matrix.len());
    for new in matrix {
        ensure(is_short(&new.label), || "model_matrix: a label has 1 to 255 characters".into())?;
        ensure(seen.insert(new.label.clone()), || {
            format!("model_matrix: label `{}` stands twice", new.label.escape_debug())
        })?;
        let id = match (new.artifact_id, new.llm_compile_source) {
            (Some(id), None) => id,
            (None, Some(_)) => {
                return Err(Refusal::bad_request(
                    "model_matrix: llm_compile_source is not served by this server: give an artifact_id",
                ));
            }
            _ => {
                return Err(Refusal::invalid(
                    "model_matrix: exactly one of artifact_id and llm_compile_source must be given",
                ));
            }
        };
        let artifact_id = id
            .parse()
            .map_err(|_| Refusal::invalid(format!("model_matrix: artifact_id `{}` is no UUID", id.escape_debug())))?;
        models.push(MatrixModel { label: new.label, artifact_id });
    }
    Ok(models)
}

impl NewGate {
    fn checked(self, index: usize) -> Answer<Gate> {
        let at = |issue: String| Refusal::invalid(format!("gates[{index}]: {issue}"));
        if !contracts::OPERATORS.contains(&self.operator.as_str()) {
            let known = contracts::OPERATORS.join(", ");
            return Err(at(format!("operator `{}` is unknown, use one of {known}", self.operator.escape_debug())));
        }
        if !(self.threshold.is_finite() && self.threshold >= 0.0) {
            return Err(at("threshold must be a number from 0 on".into()));
        }
        let on = match self.kind.as_deref() {
            None | Some("metric") => {
                let metric = self.metric.ok_or_else(|| at("metric is missing".into()))?;
                if !contracts::METRICS.contains(&metric.as_str()) {
                    return Err(at(format!("metric `{}` is unknown: see GET /v1/_contracts", metric.escape_debug())));
                }
                Metric::Named(metric)
            }
            Some("composition") => {
                let compute_unit = self.compute_unit.ok_or_else(|| at("compute_unit is missing".into()))?;
                if !matches!(compute_unit.as_str(), "NPU" | "GPU" | "CPU") {
                    return Err(at("compute_unit must be NPU, GPU or CPU".into()));
                }
                if self.threshold.fract() != 0.0 {
                    return Err(at("the threshold of a composition gate is a whole number of layers".into()));
                }
                let op_type = self.op_type.filter(|op| !op.is_empty()).unwrap_or_else(|| "*".into());
                Metric::Composition { op_type, compute_unit }
            }
            Some(kind) => {
                return Err(at(format!("type `{}` is unknown, use metric or composition", kind.escape_debug())));
            }
        };
        Ok(Gate { on, operator: self.operator, threshold: self.threshold, description: self.description })
    }
}

impl RunPolicy {
    fn check(&self) -> Answer<()> {
        let within = |name: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            ensure(range.contains(&value), || {
                format!("run_policy.{name}: {value} is out of range, {} to {} are allowed", range.start(), range.end())
            })
        };
        within("warmup_runs", self.warmup_runs, 0..=10)?;
        within("measurement_repeats", self.measurement_repeats, 1..=5)?;
        within("max_new_tokens", self.max_new_tokens, 1..=256)?;
        within("timeout_minutes", self.timeout_minutes, 1..=45)
    }
}

impl InputSpec {
    fn check(&self, name: &str) -> Answer<()> {
        let shape = (1..=8).contains(&self.shape.len()) && self.shape.iter().all(|size| *size > 0);
        ensure(shape, || format!("input_specs.{name}.shape: 1 to 8 dimensions above 0 are allowed"))?;
        let known = matches!(self.dtype.as_str(), "float32" | "float16" | "int64" | "int32" | "bool");
        ensure(known, || format!("input_specs.{name}.dtype: use float32, float16, int64, int32 or bool"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use serde_json::json;

    use super::*;

    type Change = Box<dyn FnOnce(&mut Value)>;

    fn pipeline() -> Value {
        json!({
            "name": "Vision",
            "device_matrix": [{ "name": "a", "enabled": true }, { "name": "b" }],
            "promptpack_ref": { "promptpack_id": "smoke" },
            "gates": [{ "metric": "first_load_time_ms", "operator": "lte", "threshold": 10 }],
        })
    }

    fn check(change: impl FnOnce(&mut Value)) -> Answer<(String, Definition)> {
        let mut body = pipeline();
        change(&mut body);
        serde_json::from_value::<NewPipeline>(body).unwrap().checked()
    }

    #[test]
    fn defaults_are_filled_in() {
        let (name, definition) = check(|_| ()).unwrap();
        assert_eq!(name, "Vision");
        assert_eq!(definition.promptpack_version, "1.0.0");
        assert_eq!(
            definition.run_policy,
            RunPolicy { warmup_runs: 1, measurement_repeats: 3, max_new_tokens: 128, timeout_minutes: 20 }
        );
        assert_eq!(
            serde_json::from_value::<Definition>(serde_json::to_value(&definition).unwrap()).unwrap(),
            definition
        );
    }

    #[test]
    fn a_gate_may_be_at_zero_or_on_the_composition() {
        let gates = json!([
            { "metric": "cpu_layer_count", "operator": "eq", "threshold": 0 },
            { "type": "composition", "compute_unit": "CPU", "operator": "lte", "threshold": 2 },
        ]);
        let (_, definition) = check(|body| body["gates"] = gates).unwrap();
        assert_eq!(definition.gates[1].on, Metric::Composition { op_type: "*".into(), compute_unit: "CPU".into() });
    }

    #[test]
    fn each_limit_names_its_field() {
        let device = |n: usize| json!({ "name": format!("d{n}"), "enabled": true });
        let model =
            |n: usize| json!({ "label": format!("m{n}"), "artifact_id": "7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77" });
        let cases: Vec<(&str, Change)> = vec![
            ("name", Box::new(|b| b["name"] = json!(""))),
            ("device_matrix", Box::new(move |b| b["device_matrix"] = (0..6).map(device).collect())),
            ("device_matrix", Box::new(|b| b["device_matrix"] = json!([{ "name": "a", "enabled": false }]))),
            ("device_matrix", Box::new(|b| b["device_matrix"] = json!([{ "name": "a" }, { "name": "a" }]))),
            ("gates", Box::new(|b| b["gates"] = json!([]))),
            ("metric", Box::new(|b| b["gates"][0]["metric"] = json!("throughput_tps"))),
            ("operator", Box::new(|b| b["gates"][0]["operator"] = json!("<="))),
            ("threshold", Box::new(|b| b["gates"][0]["threshold"] = json!(-1))),
            ("model_matrix", Box::new(|b| b["model_matrix"] = json!([]))),
            (
                "cells",
                Box::new(move |b| {
                    b["device_matrix"] = (0..5).map(device).collect();
                    b["model_matrix"] = (0..6).map(model).collect();
                }),
            ),
            ("measurement_repeats", Box::new(|b| b["run_policy"] = json!({ "measurement_repeats": 6 }))),
            ("timeout_minutes", Box::new(|b| b["run_policy"] = json!({ "timeout_minutes": 46 }))),
            ("shape", Box::new(|b| b["input_specs"] = json!({ "x": { "shape": [0] } }))),
            ("dtype", Box::new(|b| b["input_specs"] = json!({ "x": { "shape": [1], "dtype": "int8" } }))),
        ];
        for (field, change) in cases {
            let refusal = check(change).unwrap_err();
            assert_eq!(refusal.status.as_u16(), 422, "{field}");
            assert!(refusal.detail.contains(field), "{field}: {}", refusal.detail);
        }
    }
}
