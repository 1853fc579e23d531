//! The audit of every call made to AWS: one row per HTTP attempt, success or not.
//!
//! A row is acknowledged by its sink when the answer's headers are in, before the first chunk of its body
//! is handed on; a read whose row cannot be written fails. If the body then breaks, a second row follows
//! with the same request id, outcome `error` and the bytes that came.

mod attempt_id;
#[cfg(feature = "s3")]
mod cloudtrail;
mod committer;
mod entry;
mod export;
mod recorder;
mod sink;

pub use attempt_id::{AttemptId, ProbeId};
#[cfg(feature = "s3")]
pub use cloudtrail::{CloudTrail, Matched, Reconciliation, TrailRecord, reconcile};
#[cfg(feature = "s3")]
pub(crate) use committer::OpenCall;
pub use entry::{AuditEntry, AuditEvent, AuditOutcome};
pub use export::{AuditExport, AuditSource, ExportCursor, ExportReport};
pub use recorder::Recorder;
#[cfg(feature = "s3")]
pub(crate) use sink::sync_folder;
pub use sink::{AuditReceiver, AuditSink, ChannelSink, MemorySink, NdjsonSink};
