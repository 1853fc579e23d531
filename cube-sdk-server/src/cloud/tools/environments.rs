//! Environments: list, create, replicate, delete, reset.

use cube_sdk_apollo::replicate::{Journal, Outcome};
use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::InEnvironment;
use super::call::{Call, Reply, contains, sent};
use super::paging::{Cursor, some};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Part of the name, in any case.
    search: Option<String>,
    /// To go on with a long list: the cursor of the last reply, with the other arguments as they were.
    cursor: Option<Cursor>,
}

#[derive(Deserialize, JsonSchema)]
struct Create {
    /// A name that no environment has.
    name: String,
    /// Accreditation level, `DEV` unless told otherwise.
    accreditation: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Replicate {
    /// The environment (cube) to copy, by name or RID.
    source: String,
    /// The environment to copy into; made when missing.
    target: String,
    /// Accreditation level of a target that is made, `DEV` unless told otherwise.
    accreditation: Option<String>,
}

const LEVEL: &str = "DEV";

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("list_environments", Effect::Read, Needs::Apollo, list)
            .about("List environments", "Environments (cubes) with id and RID, optionally by part of the name.")
            .gives(&[("environments", "array"), ("more", "boolean")])
            .paged(),
        Tool::new("create_environment", Effect::Write, Needs::Apollo, create)
            .about("Create an environment", "Makes an environment and installs Apollo's control-plane module on it.")
            .gives(&[("environment", "object")])
            .dry_run(),
        Tool::new("replicate_environment", Effect::Write, Needs::Apollo, replicate)
            .about(
                "Replicate an environment",
                "Copies modules, entities and config of one environment into another. Values of secrets cannot be read: \
                 they are named in the report.",
            )
            .gives(&[("complete", "boolean"), ("pending", "array"), ("not_carried", "array")])
            .idempotent(),
        Tool::new("delete_environment", Effect::Destroy, Needs::Apollo, delete)
            .about("Delete an environment", "Opens a change request that deletes an environment with all that is on it.")
            .gives(&[("change_request", "object")])
            .dry_run(),
        Tool::new("reset_environment_agents", Effect::Destroy, Needs::Apollo, reset)
            .about("Reset agents", "Resets every agent of an environment, so that all entities are looked at anew.")
            .gives(&[("environment", "string")])
            .dry_run(),
    ]
}

async fn list(call: Call, args: List) -> Result<Reply> {
    let wanted = args.search.as_deref();
    let found =
        some("environments", call.apollo()?.environments().list(), args.cursor, 1000, |it| contains(&it.name, wanted))
            .await?;
    Ok(Reply::list(&found, "environments", "No environment fits.", |it| {
        let rid = it.rid.as_ref().map_or("-", |rid| rid.as_str());
        format!("{}  id {}  rid {rid}  {}", it.name, it.id, it.accreditation.as_deref().unwrap_or_default())
    }))
}

async fn create(call: Call, args: Create) -> Result<Reply> {
    let level = args.accreditation.as_deref().unwrap_or(LEVEL).to_owned();
    let made = sent!(call, call.apollo()?.environments().create(args.name).accreditation(level));
    let text = format!("Environment {} was made: id {}.\n", made.environment.name, made.environment.id);
    Ok(Reply::new(text, json!({ "environment": made.environment })))
}

async fn replicate(call: Call, args: Replicate) -> Result<Reply> {
    let apollo = call.apollo()?;
    let level = args.accreditation.as_deref().unwrap_or(LEVEL).to_owned();
    let plan = apollo.replicate(args.source.as_str(), &args.target).accreditation(level).await?;
    let (steps, mut done) = (plan.steps.len(), 0);
    let progress = call.clone();
    let report = apollo
        .apply(&plan, Journal::default())
        .progress(move |event| {
            if matches!(event.outcome, Outcome::Done | Outcome::AlreadyDone) {
                done += 1;
            }
            progress.tell(done, Some(steps), event.step.key());
        })
        .await?;
    let mut text = format!("{} → {}: ", args.source, args.target);
    text.push_str(if report.is_complete() { "everything was carried over\n" } else { "some of it is left to do\n" });
    for pending in &report.pending {
        text.push_str(&format!("pending: {}: {}\n", pending.step.key(), pending.why));
    }
    for left in &plan.not_carried {
        text.push_str(&format!("not carried: {}: {}\n", left.what, left.why));
    }
    let pending: Vec<_> = report.pending.iter().map(|it| json!({ "step": it.step.key(), "why": it.why })).collect();
    let data = json!({ "complete": report.is_complete(), "pending": pending, "not_carried": plan.not_carried });
    Ok(Reply::new(text, data))
}

async fn delete(call: Call, args: InEnvironment) -> Result<Reply> {
    Ok(Reply::opened(&sent!(call, call.apollo()?.environments().delete(args.environment))))
}

async fn reset(call: Call, args: InEnvironment) -> Result<Reply> {
    sent!(call, call.apollo()?.agents(args.environment.as_str()).reset());
    let text = format!("The agents of {} were reset.\n", args.environment);
    Ok(Reply::new(text, json!({ "environment": args.environment })))
}
