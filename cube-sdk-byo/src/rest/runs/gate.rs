//! Gates: the rules that a run's metrics must keep.

use cube_sdk_core::open_enum;
use serde::{Serialize, Serializer};

open_enum! {
    /// What a gate measures. EdgeGate refuses words outside its own list
    /// ([`Contracts::valid_gate_metrics`](crate::rest::Contracts::valid_gate_metrics)).
    pub enum GateMetric {
        /// Time of one inference, in milliseconds.
        InferenceTimeMs = "inference_time_ms",
        /// Peak memory, in megabytes.
        PeakMemoryMb = "peak_memory_mb",
        /// Share of computation on the NPU.
        NpuComputePercent = "npu_compute_percent",
        /// Share of computation on the GPU.
        GpuComputePercent = "gpu_compute_percent",
        /// Share of computation on the CPU.
        CpuComputePercent = "cpu_compute_percent",
        /// LLM: time to the first token, in milliseconds.
        TtftMs = "ttft_ms",
        /// LLM: tokens per second.
        Tps = "tps",
        /// LLM: response rate in tokens per second.
        ResponseRateTps = "response_rate_tps",
        /// LLM: least time to the first token.
        TtftMinMs = "ttft_min_ms",
        /// LLM: longest time to the first token.
        TtftMaxMs = "ttft_max_ms",
        /// Time to compile, in milliseconds.
        CompileTimeMs = "compile_time_ms",
        /// Peak memory while compiling, in megabytes.
        CompilePeakMemoryMb = "compile_peak_memory_mb",
        /// Time of the first load, in milliseconds.
        FirstLoadTimeMs = "first_load_time_ms",
        /// Peak memory of the first load, in megabytes.
        FirstLoadPeakMemoryMb = "first_load_peak_memory_mb",
        /// Time of a warm load, in milliseconds.
        WarmLoadTimeMs = "warm_load_time_ms",
        /// Layers on the NPU.
        NpuLayerCount = "npu_layer_count",
        /// Layers on the GPU.
        GpuLayerCount = "gpu_layer_count",
        /// Layers on the CPU.
        CpuLayerCount = "cpu_layer_count",
        /// All layers.
        TotalLayerCount = "total_layer_count",
        /// Share of layers on the NPU.
        NpuLayerPercent = "npu_layer_percent",
        /// Share of layers on the GPU.
        GpuLayerPercent = "gpu_layer_percent",
        /// Share of layers on the CPU.
        CpuLayerPercent = "cpu_layer_percent",
        /// Variation of the inference time.
        InferenceTimeMsCv = "inference_time_ms_cv",
        /// Variation of the peak memory.
        PeakMemoryMbCv = "peak_memory_mb_cv",
        /// Variation of the NPU's share.
        NpuComputePercentCv = "npu_compute_percent_cv",
        /// Variation of the GPU's share.
        GpuComputePercentCv = "gpu_compute_percent_cv",
        /// Variation of the CPU's share.
        CpuComputePercentCv = "cpu_compute_percent_cv",
        /// Variation of the time to compile.
        CompileTimeMsCv = "compile_time_ms_cv",
        /// Variation of the peak memory while compiling.
        CompilePeakMemoryMbCv = "compile_peak_memory_mb_cv",
        /// Variation of the time of the first load.
        FirstLoadTimeMsCv = "first_load_time_ms_cv",
        /// Variation of the peak memory of the first load.
        FirstLoadPeakMemoryMbCv = "first_load_peak_memory_mb_cv",
        /// Variation of the time of a warm load.
        WarmLoadTimeMsCv = "warm_load_time_ms_cv",
    }
}

open_enum! {
    /// How a gate compares.
    pub enum GateOperator {
        /// `<=`
        Lte = "lte",
        /// `<`
        Lt = "lt",
        /// `>=`
        Gte = "gte",
        /// `>`
        Gt = "gt",
        /// `==`
        Eq = "eq",
    }
}

open_enum! {
    /// Where a layer runs.
    pub enum ComputeUnit {
        /// Neural processing unit.
        Npu = "NPU",
        /// Graphics processing unit.
        Gpu = "GPU",
        /// Central processing unit.
        Cpu = "CPU",
    }
}

/// A rule about a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricGate {
    /// What is measured.
    pub metric: GateMetric,
    /// How it is compared.
    pub operator: GateOperator,
    /// With what.
    pub threshold: f64,
    /// Words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A rule about how many layers run where.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CompositionGate {
    /// The ONNX operator, case-insensitive; `*` = any.
    pub op_type: String,
    /// Where the layers run.
    pub compute_unit: ComputeUnit,
    /// How their number is compared.
    pub operator: GateOperator,
    /// With what.
    pub threshold: u64,
    /// Words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A rule that a run must keep to pass.
///
/// ```
/// use cube_sdk_byo::rest::{ComputeUnit, Gate, GateMetric, GateOperator};
/// let fast = Gate::metric(GateMetric::InferenceTimeMs, GateOperator::Lte, 20.0).description("20 ms at most");
/// let no_cpu = Gate::composition("*", ComputeUnit::Cpu, GateOperator::Eq, 0);
/// assert_eq!(
///     serde_json::to_string(&fast).unwrap(),
///     r#"{"metric":"inference_time_ms","operator":"lte","threshold":20.0,"description":"20 ms at most"}"#
/// );
/// assert!(serde_json::to_string(&no_cpu).unwrap().starts_with(r#"{"type":"composition","op_type":"*""#));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Gate {
    /// About a metric.
    Metric(MetricGate),
    /// About layers.
    Composition(CompositionGate),
}

impl Gate {
    /// A rule about a metric. `threshold`: finite, 0 or more.
    pub const fn metric(metric: GateMetric, operator: GateOperator, threshold: f64) -> Self {
        Self::Metric(MetricGate { metric, operator, threshold, description: None })
    }

    /// A rule about the number of layers of `op_type` (`*` = any) on `compute_unit`.
    pub fn composition(
        op_type: impl Into<String>,
        compute_unit: ComputeUnit,
        operator: GateOperator,
        threshold: u64,
    ) -> Self {
        let op_type = op_type.into();
        Self::Composition(CompositionGate { op_type, compute_unit, operator, threshold, description: None })
    }

    /// Words for people.
    #[must_use]
    pub fn description(mut self, words: impl Into<String>) -> Self {
        match &mut self {
            Self::Metric(gate) => gate.description = Some(words.into()),
            Self::Composition(gate) => gate.description = Some(words.into()),
        }
        self
    }
}

impl Serialize for Gate {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        /// The type stands beside the fields; an absent one means metric.
        #[derive(Serialize)]
        struct Tagged<'a> {
            r#type: &'static str,
            #[serde(flatten)]
            gate: &'a CompositionGate,
        }
        match self {
            Self::Metric(gate) => gate.serialize(out),
            Self::Composition(gate) => Tagged { r#type: "composition", gate }.serialize(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_knows_32_metrics() {
        assert_eq!(GateMetric::ALL.len(), 32);
        assert!(!GateMetric::from("throughput_tps").is_known());
    }
}
