//! Change requests: list and decide.

use cube_sdk_apollo::change_requests::ChangeRequestStatus;
use cube_sdk_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Reply, sent};
use super::paging::{Cursor, some};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Apollo environment (cube), by name or RID.
    environment: Option<String>,
    /// Only those of this status.
    #[schemars(extend("enum" = STATUSES))]
    status: Option<String>,
    /// At most so many, 10 unless told otherwise, 50 at most.
    page_size: Option<u32>,
    /// To go on with a long list: the cursor of the last reply, with the other arguments as they were.
    cursor: Option<Cursor>,
}

#[derive(Deserialize, JsonSchema)]
struct Review {
    /// RID of the change request.
    rid: String,
    /// What to do.
    action: Action,
    /// Needed to reject, taken to approve.
    comment: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    Approve,
    Reject,
    Cancel,
}

/// The published words.
const STATUSES: [&str; 7] =
    ["PENDING_APPROVALS", "APPROVED", "APPROVED_APPLYING", "APPROVED_MERGED", "CANCELLED", "REJECTED", "ERROR"];

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("list_change_requests", Effect::Read, Needs::Apollo, list)
            .about("List change requests", "Change requests, optionally of one environment and one status.")
            .gives(&[("change_requests", "array"), ("more", "boolean")])
            .paged(),
        Tool::new("review_change_request", Effect::Destroy, Needs::Apollo, review)
            .about("Decide a change request", "Approves, rejects or cancels a change request.")
            .gives(&[("rid", "string")])
            .dry_run(),
    ]
}

fn refused(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, why).advice("see the tool's input schema")
}

async fn list(call: Call, args: List) -> Result<Reply> {
    let requests = call.apollo()?.change_requests();
    let wanted = args.status.map(|word| word.trim().to_uppercase());
    if let Some(word) = wanted.as_deref().filter(|word| !STATUSES.contains(word)) {
        return Err(refused(format!("status: `{}` is none; one of {}", word.escape_debug(), STATUSES.join(", "))));
    }
    let status = wanted.map(|word| ChangeRequestStatus::from(word.as_str()));
    let listing = match args.environment {
        Some(environment) => requests.of(environment),
        None => requests.list(),
    };
    let most = args.page_size.unwrap_or(10).clamp(1, 50) as usize;
    let found =
        some("change_requests", listing, args.cursor, most, |it| status.is_none() || it.status() == status.as_ref())
            .await?;
    Ok(Reply::list(&found, "change_requests", "No change request fits.", |it| {
        let status = it.status().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let made = it.created_at().map_or_else(|| "-".to_owned(), |at| at.to_string());
        let environment = it.environment_name().unwrap_or("-");
        format!("{}  {status}  {made}  {environment}  {}", it.rid(), it.title().unwrap_or_default())
    }))
}

async fn review(call: Call, args: Review) -> Result<Reply> {
    let requests = call.apollo()?.change_requests();
    let rid: cube_sdk_apollo::Rid = args.rid.parse()?;
    let comment = args.comment.filter(|text| !text.trim().is_empty());
    let reviewed = match (args.action, comment) {
        (Action::Approve, Some(comment)) => sent!(call, requests.approve(rid).comment(comment)),
        (Action::Approve, None) => sent!(call, requests.approve(rid)),
        (Action::Reject, Some(comment)) => sent!(call, requests.reject(rid, comment)),
        (Action::Reject, None) => return Err(refused("comment: a rejection needs a reason".to_owned())),
        (Action::Cancel, _) => sent!(call, requests.cancel(rid)),
    };
    let status = reviewed.status.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let text = format!("{}: {status}\n", reviewed.rid);
    Ok(Reply::new(text, json!({ "rid": reviewed.rid, "status": reviewed.status })))
}
