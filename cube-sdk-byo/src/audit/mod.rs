//! The audit of every call made to AWS: one row per HTTP attempt, success or not.
//!
//! Begin with a [`Recorder`] over a sink; [`AuditExport`] pulls the rows of a service into files; with
//! feature `s3` `reconcile` compares rows with the customer's CloudTrail.
//!
//! A row is acknowledged by its sink when the answer's headers are in, before the first chunk of its body
//! is handed on; a read whose row cannot be written fails. If the body then breaks, a second row follows
//! with the same request id, outcome `error` and the bytes that came.
//!
//! A call that was given up has its row all the same. Only the end of the process itself (`kill -9`, loss of power) can
//! come between AWS's answer and its row; nobody had that answer. No row is written before a call is sent to close
//! this gap: rows are never changed, so each call would leave two, and readers of the audit (the published client, a SIEM, a
//! comparison with CloudTrail) count one row a call and join it by a request id that a begun call does not have yet; what
//! was begun and never sent would then be missed in CloudTrail. After a kill, a record in CloudTrail without a row is
//! the honest trace: it lies within the seconds before the process began anew.

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
pub use sink::{AuditReceiver, AuditSink, ChannelSink, MemorySink, NdjsonSink};
