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

mod advice;
mod api_keys;
mod artifacts;
mod attach;
mod audit;
mod byo;
mod checklist;
mod contracts;
mod download;
mod gate;
mod grant;
mod id;
pub mod operations;
mod pipelines;
pub(crate) mod refusal;
mod register;
mod register_artifact;
mod request;
mod rotation;
mod run;
mod runs;
mod setup;
mod setup_info;
mod tolerant;
mod trigger;
mod verify;
mod workspaces;

pub use api_keys::{ApiKey, ApiKeys, CreateApiKey, CreatedApiKey};
pub use artifacts::{Artifact, ArtifactKind, Artifacts};
pub use attach::AttachRole;
pub use audit::{AuditCursor, AuditPage, ListAudit};
pub use byo::Byo;
pub use checklist::ChecklistItem;
pub use contracts::Contracts;
pub use download::Download;
pub use gate::{CompositionGate, ComputeUnit, Gate, GateMetric, GateOperator, MetricGate};
pub use grant::{Grant, GrantStatus};
pub use id::{ApiKeyId, ArtifactId, GrantId, PipelineId, RunId, UserId, WorkspaceId};
pub use operations::OPERATIONS;
pub use pipelines::{CreatePipeline, LastRun, ModelSource, Pipeline, Pipelines};
pub use refusal::{Refusal, RefusalExt};
pub use register::RegisterGrant;
pub use register_artifact::RegisterArtifact;
pub use rotation::{ConfirmRotation, Rotated};
pub use run::{Bundle, Cell, CellStatus, GateResult, GatesEval, Metrics, RunDetail, RunStatus, RunSummary, RunTrigger};
pub use runs::{CancelledRun, ListRuns, Runs};
pub use setup::{Setup, SetupGrant};
pub use setup_info::SetupInfo;
pub use trigger::TriggerRun;
pub use verify::WaitUntilActive;
pub use workspaces::{Plan, Workspace, WorkspaceScope, Workspaces};
