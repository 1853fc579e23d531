//! The audit log: one row for each STS, S3 and KMS call that EdgeGate made for the workspace.

use cube_sdk_core::engine::Call;
use cube_sdk_core::listing::{Listing, Page};
use cube_sdk_core::names::taken;
use cube_sdk_core::{Error, Result, Timestamp, awaitable};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::InWorkspace;
use super::operations::LIST_AUDIT;
use super::request::refuse;
use crate::audit::{AuditEntry, AuditSource};
use crate::ids::{ArtifactId, RunId};

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
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.trim().parse().map(Self).map_err(|_| refuse("audit cursor", "it must be an integer from an earlier page"))
    }
}

/// One page of rows, in the server's order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditPage {
    /// The rows.
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins; none at the end.
    #[serde(default)]
    pub next_cursor: Option<AuditCursor>,
}

/// Reads the audit log: see [`Byo::audit`](super::Byo::audit). Filters add up.
///
/// Await it for one page, call [`stream`](Self::stream) for all of them, or give it to an
/// [`AuditExport`](crate::audit::AuditExport). An empty result may mean
/// that the filters are too narrow, or that no run has read a BYO artifact yet.
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let reply = serde_json::json!({"entries": [{"id": 7, "event_type": "get_object",
/// #     "aws_request_id": "4Z1X0E9RFQ2T7K5M", "bucket": "acme-models", "s3_key": "vision/net.onnx",
/// #     "outcome": "success", "ts": "2026-07-01T09:15:30Z"}], "next_cursor": null});
/// # let answer = answer.set_body_json(reply);
/// # let asked = wiremock::matchers::path_regex("/audit$");
/// # wiremock::Mock::given(wiremock::matchers::method("GET")).and(asked).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let byo = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").byo();
/// let since = "2026-07-01T00:00:00Z".parse()?;
/// let mut rows = byo.audit().since(since).stream(); // await it instead for a single page
/// while let Some(row) = rows.try_next().await? {
///     assert_eq!(row.aws_request_id.as_deref(), Some("4Z1X0E9RFQ2T7K5M"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request is sent when it is awaited or streamed"]
pub struct ListAudit {
    workspace: InWorkspace,
    artifact: Option<Result<ArtifactId>>,
    run: Option<Result<RunId>>,
    since: Option<Timestamp>,
    cursor: Option<AuditCursor>,
    limit: Option<u32>,
}

impl ListAudit {
    pub(crate) fn new(workspace: InWorkspace) -> Self {
        Self { workspace, artifact: None, run: None, since: None, cursor: None, limit: None }
    }

    /// Rows about this artifact only.
    pub fn artifact(mut self, id: impl TryInto<ArtifactId, Error: Into<Error>>) -> Self {
        self.artifact = Some(taken(id));
        self
    }

    /// Rows of this run only.
    pub fn run(mut self, id: impl TryInto<RunId, Error: Into<Error>>) -> Self {
        self.run = Some(taken(id));
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
    /// As items: `InvalidInput` for a page size out of range, before anything is sent; `Decode` when the server
    /// would send the same page for ever; those of any read.
    pub fn stream(self) -> Listing<AuditEntry, AuditCursor> {
        let start = self.cursor;
        let list = Listing::new(start, move |cursor| {
            let mut request = self.clone();
            request.cursor = cursor;
            async move {
                let page = request.send().await?;
                Ok(Page::new(page.entries, page.next_cursor))
            }
        });
        // A log has no natural bound; one that names a page twice is still noticed.
        list.max_pages(usize::MAX)
    }

    async fn send(self) -> Result<AuditPage> {
        self.workspace.json(&self.call()?).await
    }

    fn call(&self) -> Result<Call> {
        let mut call = self.workspace.call(LIST_AUDIT, Method::GET, &["byo-storage", "audit"])?;
        if let Some(id) = &self.artifact {
            call = call.query("artifact_id", id.clone()?);
        }
        if let Some(id) = &self.run {
            call = call.query("run_id", id.clone()?);
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
        Ok(call)
    }
}

/// A page whose rows are passed on byte for byte in meaning, whatever they hold.
#[derive(Deserialize)]
struct RawPage {
    #[serde(default, deserialize_with = "super::tolerant::null_as_default")]
    entries: Vec<Value>,
    #[serde(default)]
    next_cursor: Option<i64>,
}

/// EdgeGate's log as what [`AuditExport`](crate::audit::AuditExport) pulls from; the filters set here add to
/// the export's own.
impl AuditSource for ListAudit {
    fn rows(&self, since: Option<Timestamp>) -> Listing<Value, i64> {
        let mut request = self.clone();
        request.since = since.max(self.since);
        Listing::new(self.cursor.map(|AuditCursor(at)| at), move |cursor| {
            let mut request = request.clone();
            request.cursor = cursor.map(AuditCursor);
            async move {
                let page: RawPage = request.workspace.json(&request.call()?).await?;
                Ok(Page::new(page.entries, page.next_cursor))
            }
        })
    }
}

awaitable!(ListAudit => AuditPage);
