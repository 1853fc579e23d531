//! Audit rows of calls to AWS go into the database before the call's answer is used.

use cube_sdk_byo::audit::{AttemptId, AuditEntry, AuditSink, Recorder};
use cube_sdk_core::Result;

use crate::store::{GrantRow, Id, NewAuditRow, Store, Time};

/// Appends the rows of one grant's calls.
struct GrantSink {
    store: Store,
    workspace: Id,
    grant: Id,
}

/// A recorder for the calls made with a grant.
pub(crate) fn recorder(store: &Store, grant: &GrantRow, hostname: Option<&str>) -> Recorder {
    let recorder = Recorder::new(GrantSink { store: store.clone(), workspace: grant.workspace_id, grant: grant.id });
    match hostname {
        Some(hostname) => recorder.on_host(hostname),
        None => recorder,
    }
}

#[async_trait::async_trait]
impl AuditSink for GrantSink {
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
        let rows: Vec<_> = batch.iter().map(|entry| self.row(entry)).collect();
        self.store.append_audit(&rows).await
    }
}

impl GrantSink {
    fn row(&self, entry: &AuditEntry) -> NewAuditRow {
        NewAuditRow {
            workspace_id: self.workspace,
            grant_id: Some(self.grant),
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
        }
    }
}
