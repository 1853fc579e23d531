//! The audit log of BYO storage.

use cube_sdk::byo::audit::AuditEntry;
use cube_sdk::byo::rest::AuditPage;
use schemars::JsonSchema;
use serde::Serialize;

use crate::table::{grouped, or_dash};
use crate::{Step, Table, View};

/// One call to AWS.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Row {
    /// When, RFC 3339.
    pub ts: String,
    /// What was called.
    pub event_type: String,
    /// How it ended.
    pub outcome: String,
    /// Why it failed.
    pub error_code: Option<String>,
    /// AWS's request id, whole: what CloudTrail has as `requestID`.
    pub aws_request_id: Option<String>,
    /// The object's key.
    pub s3_key: Option<String>,
    /// How many bytes were read.
    pub bytes_read: Option<u64>,
    /// The artifact that was read for.
    pub artifact_id: Option<String>,
    /// The run that was read for.
    pub run_id: Option<String>,
}

impl From<&AuditEntry> for Row {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            ts: entry.ts.to_string(),
            event_type: entry.event_type.to_string(),
            outcome: entry.outcome.to_string(),
            error_code: entry.error_code.clone(),
            aws_request_id: entry.aws_request_id.clone(),
            s3_key: entry.s3_key.clone(),
            bytes_read: entry.bytes_read,
            artifact_id: entry.artifact_id.as_ref().map(ToString::to_string),
            run_id: entry.run_id.as_ref().map(ToString::to_string),
        }
    }
}

/// A page of the log.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Page {
    /// Its rows.
    pub entries: Vec<Row>,
    /// What to give as `cursor` for the next page; none at the end of the log.
    pub next_cursor: Option<i64>,
}

impl From<&AuditPage> for Page {
    fn from(page: &AuditPage) -> Self {
        Self {
            entries: page.entries.iter().map(Row::from).collect(),
            next_cursor: page.next_cursor.and_then(|cursor| cursor.to_string().parse().ok()),
        }
    }
}

impl Page {
    fn rows(&self) -> Table {
        let row = |row: &Row| {
            let cut = |text: &str, limit: usize| text.chars().take(limit).collect::<String>();
            [
                row.ts.clone(),
                row.event_type.clone(),
                row.outcome.clone(),
                or_dash(row.error_code.as_ref()),
                or_dash(row.aws_request_id.as_ref()),
                or_dash(row.s3_key.as_ref().map(|key| cut(key, 48))),
                or_dash(row.bytes_read.map(grouped)),
                or_dash(row.run_id.as_ref().map(|id| cut(id, 8))),
            ]
        };
        let head = ["ts", "event_type", "outcome", "error_code", "aws_request_id", "s3_key", "bytes_read", "run_id"];
        Table::new(head, self.entries.iter().map(row))
    }
}

impl View for Page {
    const NAME: &'static str = "byo.audit";

    fn text(&self) -> String {
        if self.entries.is_empty() {
            return "No event. The plan may lack the audit, the filters may be too narrow, or no run has read yet; \
                    probes appear every 6 hours."
                .to_owned();
        }
        let end = if self.next_cursor.is_some() { "There is more." } else { "End of the log." };
        format!(
            "{} events\n{}\n{end}\nMatch aws_request_id with requestID of your CloudTrail.",
            self.entries.len(),
            self.rows()
        )
    }

    fn next(&self) -> Vec<Step> {
        self.next_cursor.map(|cursor| Step::ReadOn { cursor }).into_iter().collect()
    }

    fn table(&self) -> Option<Table> {
        Some(self.rows())
    }
}
