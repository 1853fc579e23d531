//! Entities of an environment: install, uninstall, health, plans, config.

use cube_sdk_apollo::entities::ConfigUpdate;
use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::{ObjectText, OfEntity};
use super::call::{Call, Reply, contains, sent};
use super::paging::{Cursor, some};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct Install {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// Helm chart or entity name, such as `mosquitto`.
    entity_name: String,
    /// `group:artifact`, without version.
    product_id: String,
    /// Kubernetes namespace, `default` unless told otherwise.
    k8s_namespace: Option<String>,
    /// Config overrides: a JSON object, as text.
    config_overrides: Option<ObjectText>,
    /// Version label of the override block, `0.0.0` unless told otherwise.
    version: Option<String>,
    /// Break-glass: write the config although a module manages the entity of that name.
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Health {
    /// Apollo environment (cube), by name or RID.
    environment: String,
    /// Part of an entity's name.
    entity_id: Option<String>,
    /// To go on with a long list: the cursor of the last reply, with the other arguments as they were.
    cursor: Option<Cursor>,
}

#[derive(Deserialize, JsonSchema)]
struct PlanOf {
    /// Apollo environment (cube), by name or RID.
    environment: String,
    /// Part of the entity's name.
    entity_name: String,
    /// 0 is the most recent plan; at most 9.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9))]
    plan_index: usize,
}

#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// The entity's exact name or its RID.
    entity_name: String,
    /// The whole new config: a JSON object, as text. Masked values are refused.
    config_overrides: ObjectText,
    /// Version label of the override block; absent: the reported version.
    version: Option<String>,
    /// Break-glass: write although a module manages the entity.
    #[serde(default)]
    force: bool,
}

const OPENED: &[(&str, &str)] = &[("change_request", "object")];

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("install_entity", Effect::Write, Needs::Apollo, install)
            .about("Install an entity", "Opens a change request that installs a Helm-chart product as an entity.")
            .gives(OPENED)
            .dry_run(),
        Tool::new("uninstall_entity", Effect::Destroy, Needs::Apollo, uninstall)
            .about("Uninstall an entity", "Opens a change request that removes an entity.")
            .gives(OPENED)
            .dry_run(),
        Tool::new("entity_health", Effect::Read, Needs::Apollo, health)
            .about(
                "Health of entities",
                "Health, rollout, config and plan state of the entities of an environment. Secret values are masked.",
            )
            .gives(&[("entities", "array"), ("more", "boolean")])
            .paged(),
        Tool::new("plan_details", Effect::Read, Needs::Apollo, plan)
            .about("Details of a plan", "One plan of an entity, with tasks, events and error texts.")
            .gives(&[("plan", "object")]),
        Tool::new("update_entity_config", Effect::Destroy, Needs::Apollo, update)
            .about(
                "Replace an entity's config",
                "Opens a change request that replaces all config overrides of an entity.",
            )
            .gives(&[("changed", "boolean")])
            .dry_run(),
        Tool::new("enforce_entity_config", Effect::Write, Needs::Apollo, enforce)
            .about("Enforce an entity's config", "Opens a change request that has the current config applied again.")
            .gives(OPENED)
            .dry_run(),
        Tool::new("cancel_active_plan", Effect::Destroy, Needs::Apollo, cancel)
            .about(
                "Cancel the running plan",
                "Interrupts the running plan of an entity by deleting the agent that runs it; the agent comes back by itself.",
            )
            .gives(&[("plan", "string"), ("agent", "string")]),
    ]
}

async fn install(call: Call, args: Install) -> Result<Reply> {
    let entities = call.apollo()?.entities(args.environment);
    let mut install = entities.install(args.entity_name, args.product_id);
    install = install.namespace(args.k8s_namespace.unwrap_or_else(|| "default".to_owned()));
    if let Some(ObjectText(config)) = args.config_overrides {
        install = install.config(Value::Object(config));
    }
    if let Some(version) = args.version {
        install = install.version(version);
    }
    if args.force {
        install = install.override_module();
    }
    Ok(Reply::opened(&sent!(call, install)))
}

async fn uninstall(call: Call, args: OfEntity) -> Result<Reply> {
    Ok(Reply::opened(&sent!(call, call.apollo()?.entities(args.environment).uninstall(args.entity_name))))
}

async fn health(call: Call, args: Health) -> Result<Reply> {
    let wanted = args.entity_id.as_deref();
    let listing = call.apollo()?.entities(args.environment).health();
    let found = some("entities", listing, args.cursor, 200, |it| contains(&it.entity.name, wanted)).await?;
    Ok(Reply::list(&found, "entities", "No entity fits.", |it| {
        let entity = &it.entity;
        let reported = entity.reported.clone().unwrap_or_default();
        let word = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let mut block = format!(
            "{}  version {}  health {}  rollout {}  config {}",
            entity.name,
            word(reported.version),
            word(reported.health.map(|it| it.to_string())),
            word(reported.rollout.map(|it| it.to_string())),
            word(reported.config.map(|it| it.to_string())),
        );
        if let Some(module) = &entity.managed_by {
            block.push_str(&format!("  managed by {}", module.label()));
        }
        for plan in it.plans.iter().take(3) {
            let state = plan.state().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let reason = plan.reason().and_then(|it| it.text()).unwrap_or_default();
            block.push_str(&format!("\n  plan {state} {reason}"));
        }
        let config = it.config.shown();
        if !config.trim().is_empty() {
            block.push_str(&format!("\n  config:\n    {}", config.trim_end().replace('\n', "\n    ")));
        }
        block
    }))
}

async fn plan(call: Call, args: PlanOf) -> Result<Reply> {
    let plan = call.apollo()?.plans(args.environment).get(args.entity_name, args.plan_index).await?;
    let state = plan.state().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let mut text = format!("plan {} of {}: {state}\n", plan.rid(), plan.entity());
    for (what, description) in [("reason", plan.reason()), ("result", plan.result())] {
        if let Some(words) = description.and_then(|it| it.text()) {
            text.push_str(&format!("{what}: {words}\n"));
        }
    }
    for task in plan.tasks() {
        let state = task.state.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        text.push_str(&format!("task {}: {state}\n", task.title().unwrap_or("without a title")));
        for event in &task.events {
            text.push_str(&format!("  {}\n", event.summary.as_deref().unwrap_or_default()));
        }
    }
    Ok(Reply::new(text, json!({ "plan": plan })))
}

async fn update(call: Call, args: Update) -> Result<Reply> {
    let entities = call.apollo()?.entities(args.environment);
    let mut update = entities.update_config(args.entity_name, Value::Object(args.config_overrides.0));
    if let Some(version) = args.version {
        update = update.version(version);
    }
    if args.force {
        update = update.override_module();
    }
    let done: ConfigUpdate = sent!(call, update);
    Ok(match done.opened() {
        Some(request) => {
            let mut reply = Reply::opened(request);
            reply.data["changed"] = true.into();
            reply
        }
        None => Reply::new("The config is like that already: nothing was opened.\n", json!({ "changed": false })),
    })
}

async fn enforce(call: Call, args: OfEntity) -> Result<Reply> {
    Ok(Reply::opened(&sent!(call, call.apollo()?.entities(args.environment).enforce(args.entity_name))))
}

async fn cancel(call: Call, args: OfEntity) -> Result<Reply> {
    let cancelled = call.apollo()?.plans(args.environment).cancel_active(args.entity_name).await?;
    let text = format!("Plan {} was interrupted; agent {} comes back by itself.\n", cancelled.plan, cancelled.agent);
    Ok(Reply::new(text, json!({ "plan": cancelled.plan, "agent": cancelled.agent })))
}
