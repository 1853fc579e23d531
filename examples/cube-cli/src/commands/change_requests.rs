//! `cube cr`: change requests.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use crate::complete;
use crate::context::{Context, given};
use crate::output::{Column, View};

/// Change requests: list, approve, reject, cancel
#[derive(Subcommand)]
pub(crate) enum ChangeRequests {
    Ls(Ls),
    Approve(Approve),
    Reject(Reject),
    Cancel(Cancel),
}

pub(super) const LS: View = View::list(
    "cr ls",
    "list_change_requests",
    "change_requests",
    &[
        Column("TITLE", "/title"),
        Column("STATUS", "/status"),
        Column("ENVIRONMENT", "/environment_name"),
        Column("CREATED", "/created_at"),
        Column("RID", "/rid"),
    ],
);
pub(super) const APPROVE: View = View::text("cr approve", "review_change_request");
pub(super) const REJECT: View = View::text("cr reject", "review_change_request");
pub(super) const CANCEL: View = View::text("cr cancel", "review_change_request");

/// List change requests
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cr ls\n  cube cr ls --env cube-7 --status PENDING_APPROVALS --watch 10")]
pub(crate) struct Ls {
    /// Only those of this environment
    #[arg(long = "env", value_name = "ENVIRONMENT", add = ArgValueCandidates::new(complete::environments))]
    environment: Option<String>,
    /// Only those of this status, such as PENDING_APPROVALS
    #[arg(long)]
    status: Option<String>,
    /// At most so many [default: 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    limit: Option<u32>,
    /// Show them anew when they change, asked every so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5")]
    watch: Option<u64>,
}

/// Approve a change request
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cr approve ri.apollo.main.change-request.1 --comment 'looked at the plan'")]
pub(crate) struct Approve {
    /// Its RID, from `cube cr ls`
    rid: String,
    /// What to say with it
    #[arg(long)]
    comment: Option<String>,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Reject a change request
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cr reject ri.apollo.main.change-request.1 --comment 'not this week'")]
pub(crate) struct Reject {
    /// Its RID, from `cube cr ls`
    rid: String,
    /// Why
    #[arg(long)]
    comment: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// Cancel a change request
#[derive(Args)]
#[command(after_help = "Examples:\n  cube cr cancel ri.apollo.main.change-request.1")]
pub(crate) struct Cancel {
    /// Its RID, from `cube cr ls`
    rid: String,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

impl ChangeRequests {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let (view, rid, comment, dry_run) = match self {
            Self::Ls(list) => return list.run(context).await,
            Self::Approve(Approve { rid, comment, dry_run }) => (&APPROVE, rid, comment, dry_run),
            Self::Reject(Reject { rid, comment, dry_run }) => (&REJECT, rid, Some(comment), dry_run),
            Self::Cancel(Cancel { rid, dry_run }) => (&CANCEL, rid, None, dry_run),
        };
        let action = view.command.trim_start_matches("cr ");
        let cloud = context.cloud()?;
        context.confirm_unless(dry_run, &format!("decides the change request: {action}"), &rid)?;
        let call = given!(cloud.review_change_request(rid, action).dry_run(dry_run), comment = comment);
        context.call(view, call.stream()).await
    }
}

impl Ls {
    async fn run(self, context: &Context) -> Result<()> {
        let Self { environment, status, limit, watch } = self;
        let cloud = context.cloud()?;
        let ask = || async {
            let call = given!(
                cloud.list_change_requests(),
                environment = environment.as_deref(),
                status = status.as_deref(),
                page_size = limit,
            );
            Ok(call.await?.reply().clone())
        };
        context.read(&LS, watch, ask).await
    }
}
