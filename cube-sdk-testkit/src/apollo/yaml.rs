//! YAML by libyaml, as Go and Python read it: a double that shared the client's parser would share its mistakes.

use serde_json::{Map, Value};

/// The one document of a text; none where it cannot be read.
pub(crate) fn read(text: &str) -> Option<Value> {
    let mut value: yaml_serde::Value = yaml_serde::from_str(text).ok()?;
    value.apply_merge().ok()?;
    Some(json(value))
}

fn json(value: yaml_serde::Value) -> Value {
    use yaml_serde::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(whole)) => whole.into(),
            // What JSON has no number for is told as its text.
            (None, None) => {
                serde_json::to_value(&number).ok().filter(Value::is_number).unwrap_or_else(|| number.to_string().into())
            }
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key_text(json(key)), json(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => json(tagged.value),
    }
}

fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
