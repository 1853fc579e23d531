//! The closed lists that clients may ask for: gate metrics, operators, run statuses (EdgeGate REST, `_contracts`).

use axum::Json;
use serde_json::{Value, json};

/// The metrics that a gate may name.
pub(crate) const METRICS: [&str; 32] = [
    "inference_time_ms",
    "peak_memory_mb",
    "npu_compute_percent",
    "gpu_compute_percent",
    "cpu_compute_percent",
    "ttft_ms",
    "tps",
    "response_rate_tps",
    "ttft_min_ms",
    "ttft_max_ms",
    "compile_time_ms",
    "compile_peak_memory_mb",
    "first_load_time_ms",
    "first_load_peak_memory_mb",
    "warm_load_time_ms",
    "npu_layer_count",
    "gpu_layer_count",
    "cpu_layer_count",
    "total_layer_count",
    "npu_layer_percent",
    "gpu_layer_percent",
    "cpu_layer_percent",
    "inference_time_ms_cv",
    "peak_memory_mb_cv",
    "npu_compute_percent_cv",
    "gpu_compute_percent_cv",
    "cpu_compute_percent_cv",
    "compile_time_ms_cv",
    "compile_peak_memory_mb_cv",
    "first_load_time_ms_cv",
    "first_load_peak_memory_mb_cv",
    "warm_load_time_ms_cv",
];

/// The operators of a gate, as they stand on the wire.
pub(crate) const OPERATORS: [&str; 5] = ["lte", "lt", "gte", "gt", "eq"];

/// The statuses of a run that has ended.
pub(crate) const TERMINAL: [&str; 4] = ["passed", "failed", "error", "cancelled"];

/// The statuses of a run on its way, in order.
pub(crate) const IN_FLIGHT: [&str; 7] =
    ["queued", "preparing", "submitting", "running", "collecting", "evaluating", "reporting"];

/// `GET /v1/_contracts`, open to everyone.
pub(crate) async fn show() -> Json<Value> {
    Json(json!({
        "valid_gate_metrics": METRICS,
        "valid_gate_operators": OPERATORS,
        "run_statuses_terminal": TERMINAL,
        "run_statuses_in_flight": IN_FLIGHT,
    }))
}
