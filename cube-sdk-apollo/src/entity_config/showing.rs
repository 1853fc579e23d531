//! Configs for people: secrets masked.

use cube_sdk_core::redact::{is_placeholder, masked};
use serde_json::Value;

use super::rendering::yaml;

/// The end of a placeholder whose secret changes.
pub(super) const CHANGED: &str = ", changed>";

/// The overrides for people: block YAML with secrets masked, `none` when empty, `could not be parsed` when unreadable.
pub(super) fn shown(overrides: Option<&Value>) -> String {
    match overrides {
        None => "could not be parsed".to_owned(),
        Some(Value::Object(entries)) if entries.is_empty() => "none".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(value) => shown_as_is(&masked(value)),
    }
}

/// A masked structure as block YAML.
pub(super) fn shown_as_is(masked: &Value) -> String {
    yaml(masked).map_or_else(|_| "could not be shown".to_owned(), unquote_placeholders)
}

/// A placeholder needs no quotes where it is shown.
fn unquote_placeholders(text: String) -> String {
    let lines = text.lines().map(|line| {
        match line.split_once('"').and_then(|(lead, rest)| Some((lead, rest.strip_suffix('"')?))) {
            Some((lead, value)) if is_placeholder(&value.replace(CHANGED, ">")) => format!("{lead}{value}"),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
