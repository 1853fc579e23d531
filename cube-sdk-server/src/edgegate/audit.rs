//! `GET audit`: the rows of a workspace, newest first, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use cube_sdk_core::Timestamp;
use serde::Serialize;

use super::app::App;
use super::call::Call;
use crate::refusal::{Answer, Refusal};
use crate::store::{AuditFilter, AuditRow, Id, Role, Time};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;

#[derive(Serialize)]
pub(crate) struct AuditPage {
    entries: Vec<AuditEntry>,
    /// Null on the last page.
    next_cursor: Option<i64>,
}

#[derive(Serialize)]
struct AuditEntry {
    id: i64,
    event_type: String,
    aws_request_id: String,
    role_arn: String,
    bucket: String,
    s3_key: Option<String>,
    bytes_read: Option<i64>,
    worker_hostname: Option<String>,
    outcome: String,
    error_code: Option<String>,
    artifact_id: Option<Id>,
    run_id: Option<Id>,
    ts: Time,
    attempt_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            event_type: row.event_type,
            aws_request_id: row.aws_request_id,
            role_arn: row.role_arn,
            bucket: row.bucket,
            s3_key: row.s3_key,
            bytes_read: row.bytes_read,
            worker_hostname: row.worker_hostname,
            outcome: row.outcome,
            error_code: row.error_code,
            artifact_id: row.artifact_id,
            run_id: row.run_id,
            ts: row.ts,
            attempt_id: row.attempt_id,
            probe_id: row.probe_id,
            operation: row.operation,
        }
    }
}

pub(crate) async fn list(State(app): State<Arc<App>>, call: Call) -> Answer<Json<AuditPage>> {
    let access = app.access(&call).await?.byo()?.at_least(Role::Admin)?;
    let limit = call.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let filter = AuditFilter {
        artifact_id: call.parsed("artifact_id", "a UUID")?,
        run_id: call.parsed("run_id", "a UUID")?,
        since: since(&call)?,
        cursor: call.parsed("cursor", "a whole number")?,
    };
    // One row more than asked tells whether another page follows.
    let mut rows = app.store.audit_page(access.workspace.id, &filter, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id);
    Ok(Json(AuditPage { entries: rows.into_iter().map(AuditEntry::from).collect(), next_cursor }))
}

/// UTC with the suffix `Z` only, as the published client sends it.
fn since(call: &Call) -> Answer<Option<Time>> {
    let Some(text) = call.query("since") else { return Ok(None) };
    if !text.ends_with(['Z', 'z']) {
        return Err(Refusal::invalid("since: write the time in UTC, like 2026-07-01T08:00:00Z"));
    }
    text.parse::<Timestamp>().map(|time| Some(Time::from(time))).map_err(Refusal::field("since"))
}
