//! Configs for people: secrets masked, and refused when they come back masked.

use cube_sdk_core::redact::{MaskedPlaceholders, is_placeholder, masked, placeholder_positions};
use cube_sdk_core::{Result, SecretString};
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

/// Refuses values copied from a masked display: writing one would replace the real secret.
///
/// # Errors
/// `InvalidInput`, naming each place (`a`, `b[0].c`, `(root)`).
pub fn refuse_placeholders(value: &Value) -> Result<()> {
    let places = placeholder_positions(value);
    if places.is_empty() {
        return Ok(());
    }
    let advice = "give the real values, or leave out what should stay as it is where the call merges";
    Err(MaskedPlaceholders::refuse(places, advice))
}

/// Texts inside a structure that a server's refusal must not repeat: those that a display would mask.
pub(crate) fn secret_texts(value: &Value) -> Vec<SecretString> {
    fn collect(value: &Value, shown: Option<&Value>, found: &mut Vec<SecretString>) {
        match (value, shown) {
            (Value::String(text), Some(Value::String(shown))) if text == shown => {}
            (Value::String(text), _) => found.push(SecretString::from(text.as_str())),
            (Value::Object(entries), shown) => {
                for (key, value) in entries {
                    collect(value, shown.and_then(|shown| shown.get(key)), found);
                }
            }
            (Value::Array(items), shown) => {
                for (index, value) in items.iter().enumerate() {
                    collect(value, shown.and_then(|shown| shown.get(index)), found);
                }
            }
            (_, _) => {}
        }
    }
    let mut found = Vec::new();
    collect(value, Some(&masked(value)), &mut found);
    found
}
