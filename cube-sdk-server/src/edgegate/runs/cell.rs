//! One cell: the grant as it is now, a session of the cell's own, then the executor.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use cube_sdk_byo::rest::{ArtifactId, RunId};
use cube_sdk_byo::{ByoCode, ByoErrorExt, ByoFault, S3Uri};
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation, Result};
use futures_util::FutureExt as _;

use crate::edgegate::app::App;
use crate::edgegate::executor::{Cell, CellReport, Model};
use crate::edgegate::gates;
use crate::edgegate::grants::{Event, decide};
use crate::store::{CellEnd, CellRow, Plan, RunRow};

/// The code of a cell that failed without one of its own.
const CELL_EXECUTION_ERROR: &str = "CELL_EXECUTION_ERROR";

const READ_MODEL: Operation = Operation::new("edgegate", "read_model", Idempotency::Read);

/// How a cell ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) report: std::result::Result<CellReport, Failure>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.byo() {
            Some(fault) => fault.code().as_str(),
            None => error.code().unwrap_or(CELL_EXECUTION_ERROR),
        };
        Self { code: code.to_owned(), detail: error.to_string() }
    }
}

/// Executes a cell. Its failure is its own: the others are tried whatever it says.
pub(crate) async fn execute(app: &App, run: &RunRow, row: &CellRow) -> Ended {
    let report = match model(app, run, row).await {
        Ok(model) => {
            let cell = cell(run, row);
            let executed = AssertUnwindSafe(app.executor.execute(&cell, &model)).catch_unwind();
            executed.await.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
        }
        Err(error) => Err(error),
    };
    Ended { report: report.map_err(Failure::from) }
}

/// What is said of a part that panicked: its own words, where it left any.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let words = words.unwrap_or("no words");
    Error::new(ErrorKind::Server, format!("the executor panicked: {words}")).with_code(CELL_EXECUTION_ERROR)
}

impl Ended {
    /// The word by which it is counted.
    pub(crate) fn outcome(&self, kept: &CellEnd) -> &'static str {
        match (&self.report, kept.passed) {
            (Err(_), _) => "error",
            (Ok(_), true) => "passed",
            (Ok(_), false) => "failed",
        }
    }

    /// What is kept of it. A cell passes when it finished and its gates hold.
    pub(crate) fn kept(&self, run: &RunRow) -> CellEnd {
        match &self.report {
            Ok(report) => {
                let judged = gates::judge(&run.definition.0.gates, std::iter::once(report));
                CellEnd {
                    passed: judged.iter().all(|gate| gate.passed),
                    metrics: serde_json::to_value(&report.metrics).ok(),
                    gates: serde_json::to_value(&judged).ok(),
                    sha256: report.sha256.map(|digest| digest.to_string()),
                    size_bytes: report.size_bytes.map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
                    ..CellEnd::default()
                }
            }
            Err(failure) => CellEnd {
                error_code: Some(failure.code.clone()),
                error_detail: Some(failure.detail.clone()),
                ..CellEnd::default()
            },
        }
    }
}

fn cell(run: &RunRow, row: &CellRow) -> Cell {
    let definition = &run.definition.0;
    Cell {
        run_id: run.id.to_string(),
        workspace_id: run.workspace_id.to_string(),
        pipeline_name: run.pipeline_name.clone(),
        position: usize::try_from(row.position).unwrap_or_default(),
        device: row.device.clone(),
        model_label: row.model_label.clone(),
        promptpack_id: definition.promptpack_id.clone(),
        promptpack_version: definition.promptpack_version.clone(),
        run_policy: definition.run_policy,
        input_specs: definition.input_specs.clone(),
    }
}

fn no_grant(why: &str) -> Error {
    ByoFault::new(ByoCode::NoGrant).with_detail(why).into_error(READ_MODEL)
}

/// Resolves the cell's artifact through the grant of this moment and assumes the role: a role that was revoked since
/// the last cell is noticed here.
async fn model(app: &App, run: &RunRow, row: &CellRow) -> Result<Model> {
    let workspace = run.workspace_id;
    let artifact = app.store.artifact(workspace, row.model_artifact_id).await?;
    let artifact = artifact.ok_or_else(|| no_grant("the artifact is gone"))?;
    let uri = S3Uri::from_storage_url(&artifact.storage_url)?;
    if app.store.plan_of(workspace).await?.is_none_or(|plan| plan < Plan::Enterprise) {
        return Err(no_grant("the workspace's plan no longer includes BYO storage"));
    }
    let grant = app.store.grant_of(workspace).await?;
    decide(grant.as_ref().map(|grant| grant.status), Event::Read).map_err(|refusal| no_grant(&refusal.detail))?;
    let grant = grant.ok_or_else(|| no_grant("the workspace has no grant"))?;
    if uri.bucket() != &grant.bucket {
        return Err(no_grant(&format!(
            "the workspace's grant is for the bucket {}, not {}",
            grant.bucket,
            uri.bucket()
        )));
    }
    let recorder = app
        .recorder(&grant)
        .for_run(RunId::from_u128(run.id.0.as_u128()))
        .for_artifact(ArtifactId::from_u128(artifact.id.0.as_u128()));
    let session = app.session(&grant, uri.key(), recorder)?;
    let session = session.ok_or_else(|| no_grant("no role is attached"))?.named(&format!("edgegate-{}", run.id));
    session.connect().await?;
    let size_bytes = artifact.size_bytes.unsigned_abs();
    let expected_sha256 = artifact.expected_sha256.as_deref().map(str::parse).transpose()?;
    Ok(Model {
        artifact_id: artifact.id.to_string(),
        size_bytes,
        original_filename: artifact.original_filename,
        expected_sha256,
        session,
        uri,
        etag: artifact.etag,
        counted: app.counted.clone(),
    })
}
