//! Modules of an environment.

use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::ObjectText;
use super::call::{Call, Reply, contains, sent};
use super::paging::Found;
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct Install {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// `group:artifact:version`.
    maven_coordinate: String,
    /// Variables by name: a JSON object, as text.
    variables: Option<ObjectText>,
    /// Display name of the installation.
    display_name: Option<String>,
    /// Install although required secrets are unset.
    #[serde(default)]
    ignore_secret_requirements: bool,
}

#[derive(Deserialize, JsonSchema)]
struct OfModule {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// The module's exact display name, its coordinate or its RID.
    module_name: String,
}

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Apollo environment (cube), by name or RID.
    environment: String,
    /// Part of the display name or coordinate, in any case.
    search: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Apollo environment (cube), by exact name or RID.
    environment: String,
    /// The module's exact display name, its coordinate or its RID.
    module_name: String,
    /// Variables to set, by name: a JSON object, as text. Others stay as they are; masked values are refused.
    variables: ObjectText,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("install_module", Effect::Write, Needs::Apollo, install)
            .about("Install a module", "Installs a module on an environment.")
            .gives(&[("module", "object")])
            .dry_run(),
        Tool::new("uninstall_module", Effect::Destroy, Needs::Apollo, uninstall)
            .about("Unlink a module", "Unlinks a module; its entities go on running and are named in the reply.")
            .gives(&[("module", "object")])
            .dry_run(),
        Tool::new("list_modules", Effect::Read, Needs::Apollo, list)
            .about(
                "List modules",
                "Modules of an environment with coordinate, state and variables. Secret values are masked.",
            )
            .gives(&[("modules", "array"), ("more", "boolean")]),
        Tool::new("update_module_variables", Effect::Write, Needs::Apollo, update)
            .about("Update module variables", "Sets variables of an installed module; the others stay as they are.")
            .gives(&[("module", "object")])
            .dry_run(),
    ]
}

async fn install(call: Call, args: Install) -> Result<Reply> {
    let mut install = call.apollo()?.modules(args.environment).install(args.maven_coordinate);
    if let Some(name) = args.display_name {
        install = install.display_name(name);
    }
    for (name, value) in args.variables.into_iter().flat_map(ObjectText::texts) {
        install = install.variable(name, value);
    }
    if args.ignore_secret_requirements {
        install = install.ignore_secret_requirements();
    }
    let module = sent!(call, install);
    let text = format!("{} was installed: {}\n", module.coordinate, module.rid);
    Ok(Reply::new(text, json!({ "module": module })))
}

async fn uninstall(call: Call, args: OfModule) -> Result<Reply> {
    let module = sent!(call, call.apollo()?.modules(args.environment).uninstall(args.module_name));
    let mut text = format!("The module {} was unlinked.\n", module.rid);
    for left in &module.left_behind {
        let name = left.name.as_deref().unwrap_or("an entity without a name");
        text.push_str(&format!("still running: {name}; ask the user before `uninstall_entity` removes it\n"));
    }
    Ok(Reply::new(text, json!({ "module": module })))
}

async fn list(call: Call, args: List) -> Result<Reply> {
    let wanted = args.search.as_deref();
    let mut modules = call.apollo()?.modules(args.environment).list().await?;
    modules.retain(|it| {
        contains(&it.coordinate, wanted) || it.display_name.as_deref().is_some_and(|name| contains(name, wanted))
    });
    Ok(Reply::list(&Found::from(modules), "modules", "No module fits.", |it| {
        let mut block = format!(
            "{}  {}  state {}  rid {}",
            it.display_name.as_deref().unwrap_or("-"),
            it.coordinate,
            it.state.as_deref().unwrap_or("unknown"),
            it.rid
        );
        for variable in &it.variables {
            block.push_str(&format!("\n  {} = {}", variable.name, variable.shown()));
        }
        block
    }))
}

async fn update(call: Call, args: Update) -> Result<Reply> {
    let mut update = call.apollo()?.modules(args.environment).update(args.module_name);
    for (name, value) in args.variables.texts() {
        update = update.set(name, value);
    }
    let module = sent!(call, update);
    let text = format!("{} has new variables: {}\n", module.coordinate, module.rid);
    Ok(Reply::new(text, json!({ "module": module })))
}
