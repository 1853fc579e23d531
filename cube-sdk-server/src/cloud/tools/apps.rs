//! Apps that tunnels reach.

use cube_sdk_core::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Reply, contains};
use super::tool::Tool;
use crate::cloud::profiles::{Effect, Needs};

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only apps whose name has this company in it.
    company: Option<String>,
}

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("app_list", Effect::Read, Needs::Apps, list)
            .about("List apps", "The apps that your profile reaches through tunnels.")
            .gives(&[("apps", "array")]),
    ]
}

async fn list(call: Call, args: List) -> Result<Reply> {
    let mut names = call.app.apps.names().await?;
    names.retain(|name| call.caller.profile().apps.matches(name) && contains(name, args.company.as_deref()));
    let names: Vec<_> = names.into_iter().collect();
    let text = if names.is_empty() { "No app is reachable for your profile.".to_owned() } else { names.join("\n") };
    Ok(Reply::new(text + "\n", json!({ "apps": names })))
}
