//! `cube byo audit` and `reconcile`: which calls were made to the customer's account.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use cube_render::View as _;
use cube_render::audit::{Page, Row};
use cube_sdk::byo::audit::{AuditEntry, CloudTrail, reconcile};
use cube_sdk::byo::rest::ListAudit;
use cube_sdk::{ErrorKind, Timestamp};
use futures_util::TryStreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::Workspace;
use crate::context::{Context, given};
use crate::output::Format;

/// CloudTrail's times are whole seconds, and its clocks are not ours.
const SLACK: Duration = Duration::from_secs(300);

/// Which rows.
#[derive(Args)]
pub(crate) struct Filter {
    #[command(flatten)]
    workspace: Workspace,
    /// Only rows of this artifact, a UUID
    #[arg(long, value_name = "UUID")]
    artifact: Option<String>,
    /// Only rows of this run, a UUID
    #[arg(long, value_name = "UUID")]
    run: Option<String>,
    /// Only rows since this time, such as 2026-11-29T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time: jiff::Timestamp = text.parse().map_err(|error| format!("{error}: write 2026-11-29T08:00:00Z"))?;
    Ok(Timestamp::from_millisecond(time.as_millisecond()))
}

/// List the calls that EdgeGate made to the customer's account, newest first
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo audit --limit 20\n  \
                        cube byo audit --run 5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01\n  \
                        cube byo audit --since 2026-11-29T00:00:00Z -o ndjson > calls.ndjson")]
pub(crate) struct Audit {
    #[command(flatten)]
    filter: Filter,
    /// At most so many; all of them with --output ndjson
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Compare the audit with the customer's CloudTrail: each call must stand in both
///
/// The exit code is 0 where they agree, else 13.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube byo reconcile --since 2026-11-29T00:00:00Z trail/*.json.gz")]
pub(crate) struct Reconcile {
    #[command(flatten)]
    filter: Filter,
    /// CloudTrail's log files, JSON or gz
    #[arg(required = true, value_name = "FILE")]
    trail: Vec<PathBuf>,
}

/// What the comparison found.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Compared {
    /// Both agree.
    clean: bool,
    /// Calls that stand in both.
    matched: usize,
    /// Rows that CloudTrail lacks.
    missing_in_cloudtrail: Vec<Row>,
    /// Records that the audit lacks, by request id and name of the call.
    missing_in_audit: Vec<Record>,
    /// Rows that cannot be compared: AWS gave no request id, or logs no refusal.
    not_comparable: usize,
}

/// A record of CloudTrail.
#[derive(JsonSchema, Serialize)]
struct Record {
    /// RFC 3339.
    time: String,
    name: String,
    request_id: Option<String>,
}

impl Filter {
    fn rows(self, context: &Context) -> Result<ListAudit> {
        let byo = self.workspace.byo(context)?;
        Ok(given!(byo.audit(), artifact = self.artifact, run = self.run, since = self.since))
    }
}

impl Audit {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let output = context.output();
        let mut rows = self.filter.rows(context)?.stream();
        let streams = output.format() == Format::Ndjson;
        let most = self.limit.map_or(if streams { usize::MAX } else { 50 }, |limit| limit as usize);
        let mut shown = Vec::new();
        let mut count = 0;
        while count < most {
            let Some(row) = rows.try_next().await? else { break };
            count += 1;
            let row = Row::from(&row);
            if streams { output.say(&serde_json::to_string(&row)?)? } else { shown.push(row) }
        }
        if streams {
            return Ok(());
        }
        let page = Page { entries: shown, next_cursor: None };
        let table = page.table().unwrap_or_default();
        output.rows("byo audit", &page.entries, "No call is in the audit.", || table)
    }
}

impl Reconcile {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let byo = self.filter.workspace.byo(context)?;
        let grant = byo.grant().await?;
        let entries: Vec<AuditEntry> = self.filter.rows(context)?.stream().try_collect().await?;
        let mut trail = CloudTrail::new();
        self.trail.iter().try_for_each(|path| trail.add_path(path))?;
        let records = trail.records_of(grant.role_arn.as_deref(), grant.bucket.as_str());
        let found = reconcile(&entries, &records, SLACK);
        let record = |it: &cube_sdk::byo::audit::TrailRecord| Record {
            time: it.time.to_string(),
            name: it.name.clone(),
            request_id: it.request_id.clone(),
        };
        let shown = Compared {
            clean: found.is_clean(),
            matched: found.matched.len(),
            missing_in_cloudtrail: found.missing_in_cloudtrail.iter().map(Row::from).collect(),
            missing_in_audit: found.missing_in_audit.iter().map(record).collect(),
            not_comparable: found.without_request_id.len() + found.unlogged.len() + found.not_comparable.len(),
        };
        context.output().show("byo reconcile", &shown, || shown.text())?;
        let code = if shown.clean { 0 } else { ErrorKind::Integrity.exit_code() };
        Ok(ExitCode::from(code))
    }
}

impl Compared {
    fn text(&self) -> String {
        let mut text = format!(
            "{} calls stand in both; {} only in the audit, {} only in CloudTrail, {} cannot be compared.\n",
            self.matched,
            self.missing_in_cloudtrail.len(),
            self.missing_in_audit.len(),
            self.not_comparable,
        );
        for row in &self.missing_in_cloudtrail {
            let id = row.aws_request_id.as_deref().unwrap_or("no request id");
            text += &format!("only in the audit: {}  {}  {id}\n", row.ts, row.event_type);
        }
        for record in &self.missing_in_audit {
            let id = record.request_id.as_deref().unwrap_or("no request id");
            text += &format!("only in CloudTrail: {}  {}  {id}\n", record.time, record.name);
        }
        text
    }
}
