//! Values as YAML text, written so that PyYAML and helm read the same values.

use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value};

use super::label::is_label;
use super::masking::refuse_placeholders;
use super::scalar::{Plain, plain};

/// The text of one block, as it is sent.
///
/// # Errors
/// `InvalidInput` when the label could break out of its line, or a masked placeholder stands among the values.
pub fn render(version: &str, overrides: &Value) -> Result<SecretString> {
    refuse_label(version)?;
    refuse_placeholders(overrides)?;
    let mut block = Map::new();
    block.insert("overrides".into(), overrides.clone());
    let body = yaml(&Value::Object(block))?;
    let lines: Vec<_> =
        body.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect();
    Ok(SecretString::from(format!("{version}:\n{}", lines.join("\n"))))
}

/// Refuses a label that could break out of its line.
pub(super) fn refuse_label(version: &str) -> Result<()> {
    if is_label(version) {
        return Ok(());
    }
    let words = format!("`{}` is not a version label", version.escape_debug());
    Err(Error::new(ErrorKind::InvalidInput, words).advice("use letters, digits, and . + _ - after the first"))
}

/// Block YAML: key order kept, nothing folded, list items at the indentation of their key.
pub(super) fn yaml(value: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
        prefer_block_scalars: false,
    };
    let text = serde_saphyr::to_string_with_options(&Careful(value), options)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the overrides have no YAML form"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// One text in double quotes.
pub(super) fn double_quoted(text: &str) -> Result<String> {
    let quoted = serde_saphyr::to_string(&serde_saphyr::DoubleQuoted(text))
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the text has no YAML form"))?;
    Ok(quoted.trim_end_matches('\n').to_owned())
}

/// A value whose texts are quoted where a reader would take them for something else.
struct Careful<'v>(&'v Value);

impl Serialize for Careful<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if plain(text) != Plain::Text => serde_saphyr::DoubleQuoted(text).serialize(serializer),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Careful(item)))?;
                list.end()
            }
            Value::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, &Careful(value)))?;
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}
