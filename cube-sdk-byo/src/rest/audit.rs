//! The audit log: one row for each STS, S3 and KMS call that EdgeGate made for the workspace.

use cube_sdk_core::pager::{Page, Pager};
use cube_sdk_core::{Result, Timestamp, open_enum};
use http::Method;
use serde::{Deserialize, Serialize};

use super::operations::LIST_AUDIT;
use super::request::{awaitable, refuse};
use super::{ArtifactId, Byo, RunId};
use crate::code::ByoCode;

open_enum! {
    /// What EdgeGate called.
    pub enum AuditEvent {
        /// STS AssumeRole.
        AssumeRole = "assume_role",
        /// S3 HeadObject or HeadBucket.
        HeadObject = "head_object",
        /// S3 GetObject.
        GetObject = "get_object",
        /// KMS Decrypt, which S3 calls under the role.
        KmsDecrypt = "kms_decrypt",
        /// A call of a readiness probe.
        VerifyProbe = "verify_probe",
    }
}

open_enum! {
    /// How the call ended.
    pub enum AuditOutcome {
        /// It did what was asked.
        Success = "success",
        /// AWS said no.
        Denied = "denied",
        /// It failed otherwise.
        Error = "error",
    }
}

/// Where a page begins: opaque, passed back unchanged.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AuditCursor(i64);

impl std::fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for AuditCursor {
    type Err = cube_sdk_core::Error;

    fn from_str(text: &str) -> Result<Self> {
        text.trim().parse().map(Self).map_err(|_| refuse("audit cursor", "it must be an integer from an earlier page"))
    }
}

/// One row. Compare `aws_request_id` with `requestID` in the customer's CloudTrail.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The row's number.
    pub id: i64,
    /// What was called.
    pub event_type: AuditEvent,
    /// AWS's request id; empty when AWS gave none (the network failed). See [`request_id`](Self::request_id).
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub aws_request_id: String,
    /// EdgeGate's own id of the attempt, where it tells one.
    #[serde(default)]
    pub attempt_id: Option<String>,
    /// The role that was used.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub role_arn: String,
    /// The bucket.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub bucket: String,
    /// The key; none for STS calls.
    #[serde(default)]
    pub s3_key: Option<String>,
    /// Bytes read; none for calls that read none.
    #[serde(default)]
    pub bytes_read: Option<u64>,
    /// The worker that made the call.
    #[serde(default)]
    pub worker_hostname: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The typed code of a failure.
    #[serde(default)]
    pub error_code: Option<ByoCode>,
    /// The artifact that was read; none for probes.
    #[serde(default)]
    pub artifact_id: Option<ArtifactId>,
    /// The run that read it; none for probes and registrations.
    #[serde(default)]
    pub run_id: Option<RunId>,
    /// When.
    pub ts: Timestamp,
    /// Fields that this version does not know, so that an export leaves nothing out.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl AuditEntry {
    /// AWS's request id, when AWS gave one.
    pub fn request_id(&self) -> Option<&str> {
        Some(self.aws_request_id.as_str()).filter(|id| !id.is_empty())
    }
}

/// One page of rows, in the server's order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditPage {
    /// The rows.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; none at the end.
    #[serde(default)]
    pub next_cursor: Option<AuditCursor>,
}

/// Reads the audit log: see [`Byo::audit`]. Filters add up.
///
/// Await it for one page, or call [`stream`](Self::stream) for all of them. An empty result may mean
/// that the filters are too narrow, or that no run has read a BYO artifact yet.
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited or streamed"]
pub struct ListAudit {
    byo: Byo,
    artifact: Option<ArtifactId>,
    run: Option<RunId>,
    since: Option<Timestamp>,
    cursor: Option<AuditCursor>,
    limit: Option<u32>,
}

impl ListAudit {
    pub(crate) fn new(byo: Byo) -> Self {
        Self { byo, artifact: None, run: None, since: None, cursor: None, limit: None }
    }

    /// Rows about this artifact only.
    pub fn artifact(mut self, id: ArtifactId) -> Self {
        self.artifact = Some(id);
        self
    }

    /// Rows of this run only.
    pub fn run(mut self, id: RunId) -> Self {
        self.run = Some(id);
        self
    }

    /// Rows newer than this only.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Goes on where an earlier page ended, with the same filters.
    pub fn cursor(mut self, cursor: AuditCursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Rows per page, 1–500. The server's default: 100.
    pub fn page_size(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// All rows from here on, page by page as they are read.
    ///
    /// # Errors
    /// As items: `InvalidInput` for a page size out of range, before anything is sent; `Decode` with code
    /// `repeated_cursor` when the server would send the same page for ever; those of any read.
    pub fn stream(self) -> Pager<AuditEntry, AuditCursor> {
        let start = self.cursor;
        Pager::new(start, move |cursor| {
            let mut request = self.clone();
            request.cursor = cursor;
            async move {
                let page = request.send().await?;
                Ok(Page::new(page.entries, page.next_cursor))
            }
        })
    }

    async fn send(self) -> Result<AuditPage> {
        let workspace = self.byo.workspace();
        let mut call = workspace.call(LIST_AUDIT, Method::GET, &["byo-storage", "audit"]);
        if let Some(id) = self.artifact {
            call = call.query("artifact_id", id);
        }
        if let Some(id) = self.run {
            call = call.query("run_id", id);
        }
        if let Some(since) = self.since {
            call = call.query("since", since);
        }
        if let Some(cursor) = self.cursor {
            call = call.query("cursor", cursor);
        }
        if let Some(limit) = self.limit {
            if !(1..=500).contains(&limit) {
                return Err(refuse("page size", format_args!("{limit} rows, 1 to 500 are allowed")));
            }
            call = call.query("limit", limit);
        }
        workspace.edgegate().engine().json(&call).await
    }
}

awaitable!(ListAudit => AuditPage);
