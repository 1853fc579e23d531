//! The audit row of one HTTP attempt.

use cube_sdk_core::{Operation, Result, Timestamp};

use super::failure::Failure;
use crate::audit::{AuditEntry, AuditEvent, AuditOutcome, OpenCall, ProbeId, Recorder};
use crate::code::ByoCode;

/// What the rows of a session have in common.
#[derive(Clone, Debug)]
pub(crate) struct AuditScope {
    pub(crate) recorder: Option<Recorder>,
    pub(crate) bucket: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) probe_id: Option<ProbeId>,
}

/// The row of an attempt that has begun. Dropped without an answer it tells of a call that was given up: outcome `error`,
/// code `cancelled`.
pub(crate) struct Row {
    recorder: Option<Recorder>,
    entry: Option<AuditEntry>,
    /// Whoever flushes the recorder waits for this row.
    _open: Option<OpenCall>,
}

impl AuditScope {
    pub(crate) fn begin(&self, event: AuditEvent, operation: Operation, key: Option<&str>) -> Row {
        let event = if self.probe_id.is_some() { AuditEvent::VerifyProbe } else { event };
        let mut entry = AuditEntry::new(event, self.bucket.as_str(), AuditOutcome::Error);
        entry.role_arn.clone_from(&self.role_arn);
        entry.s3_key = key.map(str::to_owned);
        entry.probe_id.clone_from(&self.probe_id);
        entry.operation = Some(operation.to_string());
        entry.error_code = Some("cancelled".into());
        let open = self.recorder.as_ref().map(Recorder::begin_call);
        Row { recorder: self.recorder.clone(), entry: Some(entry), _open: open }
    }
}

impl Row {
    /// The answer's headers are in: writes the row, and gives what a second row would need.
    pub(crate) async fn answered(mut self, request_id: Option<&str>, bytes: Option<u64>) -> Result<Answered> {
        let Some(mut entry) = self.entry.take() else { return Ok(Answered(None)) };
        entry.ts = Timestamp::now();
        entry.aws_request_id = request_id.map(str::to_owned);
        entry.bytes_read = bytes;
        entry.outcome = AuditOutcome::Success;
        entry.error_code = None;
        let Some(recorder) = self.recorder.take() else { return Ok(Answered(None)) };
        recorder.record(entry.clone()).await?;
        Ok(Answered(Some((recorder, entry))))
    }

    /// The attempt failed: writes the row.
    pub(crate) async fn failed(mut self, failure: &Failure, verdict: Option<ByoCode>) -> Result<()> {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        entry.ts = Timestamp::now();
        entry.aws_request_id.clone_from(&failure.request_id);
        entry.outcome = failure.outcome(verdict.as_ref());
        let typed = verdict.map(|code| code.as_str().to_owned());
        entry.error_code = typed.or_else(|| failure.code.clone()).or_else(|| Some(failure.plain_code().to_owned()));
        match &self.recorder {
            Some(recorder) => recorder.record(entry).await,
            None => Ok(()),
        }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        if let (Some(mut entry), Some(recorder)) = (self.entry.take(), &self.recorder) {
            entry.ts = Timestamp::now();
            recorder.note(entry);
        }
    }
}

/// An attempt whose first row is written; its body may still break.
pub(crate) struct Answered(Option<(Recorder, AuditEntry)>);

impl Answered {
    /// The body broke after so many bytes: writes the second row.
    pub(crate) async fn body_broke(self, bytes: u64, code: &str) -> Result<()> {
        let Some((recorder, mut entry)) = self.0 else { return Ok(()) };
        entry.ts = Timestamp::now();
        entry.outcome = AuditOutcome::Error;
        entry.bytes_read = Some(bytes);
        entry.error_code = Some(code.to_owned());
        recorder.record(entry).await
    }
}
