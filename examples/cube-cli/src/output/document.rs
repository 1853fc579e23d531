//! Documents for programs: `{"schema": "cube.env.ls/1", "data": …}`, and the schemas of them.

use anyhow::Result;
use cube_sdk::cloud::ToolReply;
use serde::Serialize;
use serde_json::{Value, json};

use super::view::View;

/// The version of every document: counted up where one changes so that a program may fail on it.
const VERSION: u32 = 1;
/// The document on stderr of a command that failed.
pub(crate) const ERROR: &str = "error";

/// The name of a command's document: `env ls` is `cube.env.ls/1`.
fn named(command: &str) -> String {
    format!("cube.{}/{VERSION}", command.replace(' ', "."))
}

pub(super) fn of_value(command: &str, value: &impl Serialize) -> Result<Value> {
    Ok(json!({ "schema": named(command), "data": serde_json::to_value(value)? }))
}

/// With the text where the service gives no data, as older ones do.
pub(super) fn of_reply(view: &View, reply: &ToolReply) -> Value {
    match reply.data() {
        Some(data) => json!({ "schema": named(view.command), "data": data }),
        None => json!({ "schema": named(view.command), "data": null, "text": reply.text() }),
    }
}

/// The schema of a command's document around that of its data.
pub(crate) fn schema_of(command: &str, mut data: Value, text: bool) -> Value {
    // References inside start at the root of the document.
    let definitions = data.as_object_mut().and_then(|data| data.remove("$defs"));
    if let Some(data) = data.as_object_mut() {
        data.remove("$schema");
    }
    let data = if text { json!({ "anyOf": [data, { "type": "null" }] }) } else { data };
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("cube {command}"),
        "type": "object",
        "properties": {
            "schema": { "const": named(command) },
            "data": data,
        },
        "required": ["schema", "data"],
    });
    if text {
        schema["properties"]["text"] = json!({ "type": "string", "description": "Where the service gives no data." });
    }
    if let Some(definitions) = definitions {
        schema["$defs"] = definitions;
    }
    schema
}
