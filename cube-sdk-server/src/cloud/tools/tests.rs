//! docs/tools.md says what the registrations say. `CUBE_WRITE_DOCS=1` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::Tool;
use crate::cloud::profiles::{Effect, Needs};

fn effect(tool: &Tool) -> &'static str {
    match tool.effect {
        Effect::Read => "reads",
        Effect::Credential => "gives a credential",
        Effect::Write => "changes",
        Effect::Destroy => "removes or replaces",
    }
}

fn needs(tool: &Tool) -> &'static str {
    match tool.needs {
        Needs::Apollo => "Apollo credentials of the profile",
        Needs::Clusters => "kubeconfigs of tbot",
        Needs::Apps => "apps of the service",
        Needs::Images => "`images` of the settings",
    }
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The kind of an argument, through what schemars wraps around one.
fn kind(schema: &Value, root: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return kind(&root["$defs"][name], root);
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(", ");
    }
    let alternatives = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        let kinds = alternatives.iter().filter(|one| one["type"] != "null").map(|one| match one["const"].as_str() {
            Some(word) => format!("`{word}`"),
            None => kind(one, root),
        });
        return kinds.collect::<Vec<_>>().join(", ");
    }
    match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(many) => {
            many.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Tools of cube-cloud\n\nWritten from the registrations by `CUBE_WRITE_DOCS=1 cargo test -p cube-sdk-server --lib docs`; a test \
         compares it.\n\nEvery reply has text for people, and the fields that are named here as `structuredContent`. A profile \
         has a tool when its `tools` name it, what it needs is there, and the profile is not read-only where something is \
         changed.\n\n| tool | does | what it is | needs |\n|---|---|---|---|\n",
    );
    let tools = super::all();
    for tool in &tools {
        let name = tool.name;
        writeln!(page, "| [`{name}`](#{name}) | {} | {} | {} |", effect(tool), cell(tool.title), needs(tool)).unwrap();
    }
    for tool in &tools {
        writeln!(page, "\n## {}\n\n{}\n", tool.name, tool.about).unwrap();
        let schema = Value::Object((*tool.input).clone());
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        if properties.is_empty() {
            page.push_str("No arguments.\n");
        } else {
            page.push_str("| argument | type | required | what it is |\n|---|---|---|---|\n");
        }
        for (name, argument) in &properties {
            let is_required = if required.iter().any(|it| it == name) { "yes" } else { "" };
            let about = cell(argument["description"].as_str().unwrap_or_default());
            writeln!(page, "| `{name}` | {} | {is_required} | {about} |", kind(argument, &schema)).unwrap();
        }
        let fields = tool.output["properties"].as_object().unwrap();
        let fields: Vec<String> =
            fields.iter().map(|(name, field)| format!("`{name}` ({})", field["type"].as_str().unwrap())).collect();
        writeln!(page, "\nReply: {}.", fields.join(", ")).unwrap();
    }
    page
}

#[test]
fn docs_are_what_the_registrations_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tools.md");
    let page = page();
    if std::env::var("CUBE_WRITE_DOCS").as_deref() == Ok("1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/tools.md is not what the registrations say: write it with CUBE_WRITE_DOCS=1");
}

#[test]
fn every_argument_says_what_it_is() {
    for tool in super::all() {
        for (name, argument) in tool.input["properties"].as_object().unwrap() {
            assert!(argument["description"].as_str().is_some_and(|text| text.len() > 5), "{}: {name}", tool.name);
        }
    }
}
