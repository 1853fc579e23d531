//! EdgeGate's REST API, one room per noun.
//!
//! Requests are values: builders send nothing until they are awaited. Replies are read leniently: unknown
//! fields are ignored, absent optional fields are none, words that this version does not know are kept.
//!
//! Every call may fail with `Config` (no key), `Unauthenticated` (401), `PermissionDenied` (403),
//! `Throttled`, `Unavailable`, `Server`, `Connect`, `Transport`, `Timeout` and `Decode`; the methods name
//! what comes beside these. Reads are repeated when they fail on the way; writes are not repeated once
//! bytes went out, `verify` excepted.
//!
//! Cancel safety: dropping a call's future ends the call; a write may have arrived.

mod api;
mod api_keys;
mod artifacts;
mod audit;
mod contracts;
mod grants;
pub mod operations;
mod pipelines;
pub(crate) mod refusal;
mod request;
mod runs;
mod tolerant;
mod workspaces;

pub(crate) use api::{Api, InWorkspace};
pub use api_keys::{ApiKey, ApiKeys, CreateApiKey, CreatedApiKey};
pub use artifacts::{Artifact, ArtifactKind, Artifacts, Download, RegisterArtifact};
pub use audit::{AuditCursor, AuditPage, ListAudit};
pub use contracts::Contracts;
pub use grants::{
    AttachRole, Byo, ChecklistItem, ConfirmRotation, Grant, GrantStatus, RegisterGrant, Rotated, Setup, SetupGrant,
    SetupInfo, WaitUntilActive,
};
pub use operations::OPERATIONS;
pub use pipelines::{CreatePipeline, LastRun, ModelSource, Pipeline, Pipelines};
pub use refusal::{Refusal, RefusalExt};
pub use runs::{
    Bundle, CancelledRun, Cell, CellStatus, CompositionGate, ComputeUnit, Gate, GateMetric, GateOperator, GateResult,
    GatesEval, ListRuns, MetricGate, Metrics, RunDetail, RunStatus, RunSummary, RunTrigger, Runs, TriggerRun,
};
pub use workspaces::{Plan, Workspace, WorkspaceScope, Workspaces};

pub use crate::ids::{ApiKeyId, ArtifactId, GrantId, PipelineId, RunId, UserId, WorkspaceId};
