//! Pipelines: which models are measured on which devices, and what they must keep.

use std::collections::BTreeMap;

use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp, awaitable};
use http::Method;
use serde::{Deserialize, Serialize};

use super::api::InWorkspace;
use super::operations::{CREATE_PIPELINE, LIST_PIPELINES};
use super::request::{check_text, refuse};
use super::runs::{Gate, RunStatus};
use crate::ids::{ArtifactId, PipelineId, RunId};

/// The newest run of a pipeline.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// Its id.
    pub id: RunId,
    /// Its state.
    pub status: RunStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A pipeline. Counts that EdgeGate leaves out are 0.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Devices.
    #[serde(default)]
    pub device_count: u32,
    /// Models of its matrix; 0 when each run brings its own model.
    #[serde(default)]
    pub model_count: u32,
    /// Gates.
    #[serde(default)]
    pub gate_count: u32,
    /// Cells of a run: models × devices.
    #[serde(default)]
    pub cell_count: u32,
    /// The promptpack.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub promptpack_id: String,
    /// Its version.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub promptpack_version: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its newest run.
    #[serde(default)]
    pub last_run: Option<LastRun>,
    /// The compile job that must end first, when a model is compiled from sources.
    #[serde(default)]
    pub compile_job_id: Option<String>,
}

impl Pipeline {
    /// True when a run needs a `model_artifact_id`.
    pub const fn is_single_model(&self) -> bool {
        self.model_count == 0
    }
}

/// The pipelines of one workspace.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!([{"id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "name": "gate", "device_count": 1,
/// #     "gate_count": 1, "cell_count": 1, "created_at": "2026-07-01T07:00:00Z",
/// #     "updated_at": "2026-07-01T07:00:00Z"}]);
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/pipelines$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let pipelines = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").pipelines();
/// for pipeline in pipelines.list().await? {
///     println!("{}: {} cells", pipeline.name, pipeline.cell_count);
///     assert!(pipeline.is_single_model()); // each run names its model
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pipelines {
    workspace: InWorkspace,
}

impl Pipelines {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace }
    }

    /// All pipelines, in the server's order.
    ///
    /// `GET …/pipelines`.
    ///
    /// # Errors
    /// Those of any read: see the [module](crate::rest).
    pub async fn list(&self) -> Result<Vec<Pipeline>> {
        let call = self.workspace.call(LIST_PIPELINES, Method::GET, &["pipelines"])?;
        self.workspace.json(&call).await
    }

    /// One pipeline. EdgeGate has no call for a single one: this reads the list.
    ///
    /// # Errors
    /// `NotFound` when it is not in the list; those of [`list`](Self::list).
    pub async fn get(&self, id: impl TryInto<PipelineId, Error: Into<Error>>) -> Result<Pipeline> {
        let id = taken(id)?;
        let found = self.list().await?.into_iter().find(|pipeline| pipeline.id == id);
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the workspace has no pipeline {id}"))
                .with_operation(LIST_PIPELINES)
                .with_target(self.workspace.to_string())
                .with_sent(cube_sdk_core::error::Sent::Yes)
                .advice("list the pipelines to see their ids")
        })
    }

    /// Makes a pipeline. `name`: 1–255 characters; `promptpack`: the id of a published pack.
    ///
    /// Needs 1–5 devices and at least one gate; models × devices ≤ 25.
    ///
    /// `POST …/pipelines`, admin. Sent at most once.
    ///
    /// # Errors
    /// `InvalidInput` when a limit is passed (before anything is sent) or EdgeGate refuses a metric, gate or
    /// device.
    pub fn create(&self, name: impl Into<String>, promptpack: impl Into<String>) -> CreatePipeline {
        let promptpack_ref = PromptpackRef { promptpack_id: promptpack.into(), version: "1.0.0".to_owned() };
        CreatePipeline {
            workspace: self.workspace.clone(),
            body: CreateBody {
                name: name.into(),
                device_matrix: Vec::new(),
                promptpack_ref,
                gates: Vec::new(),
                model_matrix: None,
                run_policy: None,
                input_specs: None,
            },
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct CreateBody {
    name: String,
    device_matrix: Vec<Device>,
    promptpack_ref: PromptpackRef,
    gates: Vec<Gate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_matrix: Option<Vec<Model>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_policy: Option<RunPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_specs: Option<BTreeMap<String, InputSpec>>,
}

#[derive(Clone, Debug, Serialize)]
struct Device {
    name: String,
    enabled: bool,
}

#[derive(Clone, Debug, Serialize)]
struct PromptpackRef {
    promptpack_id: String,
    version: String,
}

#[derive(Clone, Debug, Serialize)]
struct Model {
    label: String,
    #[serde(flatten)]
    source: ModelSource,
}

/// Where a model of the matrix comes from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelSource {
    /// An artifact, as it is.
    ArtifactId(ArtifactId),
    /// Compiled from sources: EdgeGate's object, as JSON (`source_artifact_ids`, `sequence_lengths`,
    /// `context_lengths`, `roles`, `target_runtime`).
    LlmCompileSource(serde_json::Value),
}

#[derive(Clone, Debug, Default, Serialize)]
struct RunPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    warmup_runs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measurement_repeats: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_new_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_minutes: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
struct InputSpec {
    shape: Vec<u64>,
    dtype: String,
}

/// Makes a pipeline: see [`Pipelines::create`]. Await it to send.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_byo::rest::{Gate, GateMetric, GateOperator};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"id": "3d0e3d4c-6c0e-4b60-8f5e-9c61e0b5a7d2", "name": "gate", "device_count": 1,
/// #     "gate_count": 1, "cell_count": 1, "created_at": "2026-07-01T07:00:00Z",
/// #     "updated_at": "2026-07-01T07:00:00Z"});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/pipelines$");
/// # wiremock::Mock::given(wiremock::matchers::method("POST")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let pipelines = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").pipelines();
/// let pipeline = pipelines
///     .create("gate", "smoke")
///     .device("Samsung Galaxy S24")
///     .gate(Gate::metric(GateMetric::InferenceTimeMs, GateOperator::Lte, 20.0))
///     .measurement_repeats(5)
///     .await?;
/// assert_eq!(pipeline.cell_count, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited"]
pub struct CreatePipeline {
    workspace: InWorkspace,
    body: CreateBody,
}

impl CreatePipeline {
    /// The promptpack's version. Default `1.0.0`.
    pub fn promptpack_version(mut self, version: impl Into<String>) -> Self {
        self.body.promptpack_ref.version = version.into();
        self
    }

    /// Adds a device, by its catalogue name or id, as it is written there.
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.body.device_matrix.push(Device { name: name.into(), enabled: true });
        self
    }

    /// Adds a gate.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.body.gates.push(gate);
        self
    }

    /// Adds a model, at most 10. Without any, each run brings its own.
    pub fn model(mut self, label: impl Into<String>, source: ModelSource) -> Self {
        self.body.model_matrix.get_or_insert_default().push(Model { label: label.into(), source });
        self
    }

    /// Runs before measuring. EdgeGate's default: 1.
    pub fn warmup_runs(mut self, runs: u32) -> Self {
        self.body.run_policy.get_or_insert_default().warmup_runs = Some(runs);
        self
    }

    /// Measured runs, 1–5. EdgeGate's default: 3.
    pub fn measurement_repeats(mut self, repeats: u32) -> Self {
        self.body.run_policy.get_or_insert_default().measurement_repeats = Some(repeats);
        self
    }

    /// LLM: tokens per answer, 1–256. EdgeGate's default: 128.
    pub fn max_new_tokens(mut self, tokens: u32) -> Self {
        self.body.run_policy.get_or_insert_default().max_new_tokens = Some(tokens);
        self
    }

    /// When EdgeGate gives up, in minutes, 1–45. EdgeGate's default: 20.
    pub fn timeout_minutes(mut self, minutes: u32) -> Self {
        self.body.run_policy.get_or_insert_default().timeout_minutes = Some(minutes);
        self
    }

    /// Shape (1–8 numbers, each more than 0) and element type (`float32`, `float16`, `int64`, `int32`, `bool`)
    /// of an input. Default: found by EdgeGate.
    pub fn input(mut self, name: impl Into<String>, shape: &[u64], dtype: impl Into<String>) -> Self {
        let spec = InputSpec { shape: shape.to_vec(), dtype: dtype.into() };
        self.body.input_specs.get_or_insert_default().insert(name.into(), spec);
        self
    }

    async fn send(self) -> Result<Pipeline> {
        self.body.check()?;
        let call = self.workspace.call(CREATE_PIPELINE, Method::POST, &["pipelines"])?.json(&self.body)?;
        self.workspace.json(&call).await
    }
}

awaitable!(CreatePipeline => Pipeline);

impl CreateBody {
    fn check(&self) -> Result<()> {
        let between = |what: &str, count: usize, least: usize, most: usize| {
            if (least..=most).contains(&count) {
                return Ok(());
            }
            Err(refuse(what, format_args!("{count} given, {least} to {most} are allowed")))
        };
        check_text("pipeline name", &self.name, 255)?;
        between("device list", self.device_matrix.len(), 1, 5)?;
        between("gate list", self.gates.len(), 1, usize::MAX)?;
        if let Some(models) = &self.model_matrix {
            between("model list", models.len(), 1, 10)?;
            between("matrix of models and devices", models.len() * self.device_matrix.len(), 1, 25)?;
        }
        for gate in &self.gates {
            if let Gate::Metric(gate) = gate
                && !(gate.threshold.is_finite() && gate.threshold >= 0.0)
            {
                return Err(refuse("gate threshold", format_args!("{} is not 0 or more", gate.threshold)));
            }
        }
        let policy = self.run_policy.clone().unwrap_or_default();
        for (what, value, most) in [
            ("measurement_repeats", policy.measurement_repeats, 5),
            ("max_new_tokens", policy.max_new_tokens, 256),
            ("timeout_minutes", policy.timeout_minutes, 45),
        ] {
            if let Some(value) = value {
                between(what, value as usize, 1, most)?;
            }
        }
        for (name, spec) in self.input_specs.iter().flatten() {
            between(&format!("shape of input `{}`", name.escape_debug()), spec.shape.len(), 1, 8)?;
            if spec.shape.contains(&0) {
                return Err(refuse(&format!("shape of input `{}`", name.escape_debug()), "it holds a 0"));
            }
        }
        Ok(())
    }
}
