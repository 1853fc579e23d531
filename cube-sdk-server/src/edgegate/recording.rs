//! Audit rows of calls to AWS go into the database before the call's answer is used.

use cube_sdk_byo::audit::{AttemptId, AuditEntry, AuditSink, Recorder};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use super::counted::Counted;
use crate::store::{EdgeGateStore, GrantRow, Id, NewAuditRow, Time};

/// Fields by which rows of all workspaces go through one recorder.
const WORKSPACE: &str = "workspace_id";
const GRANT: &str = "grant_id";

/// Appends the rows of the whole service.
struct StoreSink {
    store: EdgeGateStore,
    counted: Counted,
}

/// The service's recorder: whoever ends the service flushes it, and no call's end takes a row along.
pub(crate) fn recorder(store: &EdgeGateStore, hostname: Option<&str>, counted: &Counted) -> Recorder {
    let recorder = Recorder::new(StoreSink { store: store.clone(), counted: counted.clone() });
    match hostname {
        Some(hostname) => recorder.on_host(hostname),
        None => recorder,
    }
}

/// The same recorder for the calls made with a grant.
pub(crate) fn of_grant(recorder: &Recorder, grant: &GrantRow) -> Recorder {
    let named = recorder.clone().with_field(WORKSPACE, grant.workspace_id.to_string());
    named.with_field(GRANT, grant.id.to_string())
}

#[async_trait::async_trait]
impl AuditSink for StoreSink {
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
        let rows: Vec<_> = batch.iter().map(row).collect::<Result<_>>()?;
        self.store.append_audit(&rows).await?;
        self.counted.committed(batch, Timestamp::now());
        Ok(())
    }
}

fn field(entry: &AuditEntry, name: &str) -> Option<Id> {
    entry.extra.get(name)?.as_str()?.parse().ok()
}

fn row(entry: &AuditEntry) -> Result<NewAuditRow> {
    let nobodys = || Error::new(ErrorKind::Io, "an audit row names no workspace");
    Ok(NewAuditRow {
        workspace_id: field(entry, WORKSPACE).ok_or_else(nobodys)?,
        grant_id: field(entry, GRANT),
        event_type: entry.event_type.as_str().to_owned(),
        operation: entry.operation.clone(),
        aws_request_id: entry.aws_request_id.clone().unwrap_or_default(),
        attempt_id: entry.attempt_id.clone().unwrap_or_else(AttemptId::mint).to_string(),
        probe_id: entry.probe_id.as_ref().map(ToString::to_string),
        role_arn: entry.role_arn.clone().unwrap_or_default(),
        bucket: entry.bucket.clone(),
        s3_key: entry.s3_key.clone(),
        bytes_read: entry.bytes_read.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        worker_hostname: entry.worker_hostname.clone(),
        outcome: entry.outcome.as_str().to_owned(),
        error_code: entry.error_code.clone(),
        artifact_id: entry.artifact_id.map(|id| Id::from_u128(id.as_u128())),
        run_id: entry.run_id.map(|id| Id::from_u128(id.as_u128())),
        ts: Time::from(entry.ts),
    })
}
