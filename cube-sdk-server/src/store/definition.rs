//! What a pipeline is made of, as it is kept and as a run freezes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Id;

/// A pipeline as it is kept, and as a run freezes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Definition {
    /// The enabled devices, in order.
    pub(crate) devices: Vec<String>,
    pub(crate) promptpack_id: String,
    pub(crate) promptpack_version: String,
    pub(crate) gates: Vec<Gate>,
    /// Empty: the model is given with each run.
    pub(crate) models: Vec<MatrixModel>,
    pub(crate) run_policy: RunPolicy,
    pub(crate) input_specs: BTreeMap<String, InputSpec>,
}

/// A model of a pipeline's matrix.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct MatrixModel {
    pub(crate) label: String,
    pub(crate) artifact_id: Id,
}

/// A rule that a run must keep.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Gate {
    pub(crate) on: Metric,
    /// One of the operators of `GET /v1/_contracts`.
    pub(crate) operator: String,
    pub(crate) threshold: f64,
    pub(crate) description: Option<String>,
}

/// What a gate measures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// One of the metrics of `GET /v1/_contracts`.
    Named(String),
    /// The number of layers of an ONNX operator (`*`: any) on a compute unit.
    Composition { op_type: String, compute_unit: String },
}

/// How often and how long a cell measures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunPolicy {
    /// Runs before measuring, 0–10; default 1.
    #[serde(default = "one")]
    pub warmup_runs: u32,
    /// Measurements, 1–5; default 3.
    #[serde(default = "three")]
    pub measurement_repeats: u32,
    /// Tokens per prompt, 1–256; default 128.
    #[serde(default = "tokens")]
    pub max_new_tokens: u32,
    /// Minutes until the whole run is given up, 1–45; default 20.
    #[serde(default = "twenty")]
    pub timeout_minutes: u32,
}

impl Default for RunPolicy {
    fn default() -> Self {
        Self { warmup_runs: one(), measurement_repeats: three(), max_new_tokens: tokens(), timeout_minutes: twenty() }
    }
}

/// The shape and type of a model's input.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InputSpec {
    /// 1–8 dimensions, each above 0.
    pub shape: Vec<u64>,
    /// `float32` (default), `float16`, `int64`, `int32` or `bool`.
    #[serde(default = "float32")]
    pub dtype: String,
}

const fn one() -> u32 {
    1
}
const fn three() -> u32 {
    3
}
const fn tokens() -> u32 {
    128
}
const fn twenty() -> u32 {
    20
}
fn float32() -> String {
    "float32".to_owned()
}
