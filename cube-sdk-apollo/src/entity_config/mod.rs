//! Config override blocks: YAML keyed by version label, read without losing `1.10`, shown masked, written plain.
//!
//! ```
//! use cube_sdk_apollo::entity_config::{EntityConfig, refuse_placeholders, render};
//! use cube_sdk_core::secret::ExposeSecret;
//! use serde_json::json;
//!
//! let config = EntityConfig::parse("1.10:\n  overrides:\n    password: hunter2\n    replicas: 3\n");
//! let block = &config.blocks()[0];
//! assert_eq!(block.version(), "1.10");
//! assert!(block.is_readable());
//! assert_eq!(block.shown(), "password: <hidden, 7 chars>\nreplicas: 3");
//! assert_eq!(block.expose_overrides().unwrap()["password"], "hunter2");
//! assert!(!format!("{config:?}").contains("hunter2"));
//! assert_eq!(config.shown().lines().next(), Some("1.10:"));
//! assert!(!config.is_empty());
//!
//! let text = render("1.10", &json!({"replicas": 2, "hosts": ["a"]}))?;
//! assert_eq!(text.expose_secret(), "1.10:\n  overrides:\n    replicas: 2\n    hosts:\n    - a");
//! let error = refuse_placeholders(&json!({"db": {"password": "<hidden, 7 chars>"}})).unwrap_err();
//! assert!(error.to_string().contains("db.password"));
//! # Ok::<(), cube_sdk_core::Error>(())
//! ```

use std::fmt;

use cube_sdk_core::redact::{MaskedPlaceholders, is_placeholder, masked, placeholder_positions};
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde_json::{Map, Value};

/// The config of an entity: one block per version label. It may hold secrets; `Debug` and [`Self::shown`] mask them.
#[derive(Clone, Default, PartialEq)]
pub struct EntityConfig {
    blocks: Vec<ConfigBlock>,
}

/// The overrides under one version label.
#[derive(Clone, PartialEq)]
pub struct ConfigBlock {
    version: String,
    overrides: Option<Value>,
}

impl ConfigBlock {
    /// The label, as in the text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// False when the block could not be read: it is then shown so, never as empty.
    pub const fn is_readable(&self) -> bool {
        self.overrides.is_some()
    }

    /// The overrides, secrets included; none when the block could not be read.
    pub const fn expose_overrides(&self) -> Option<&Value> {
        self.overrides.as_ref()
    }

    /// The overrides for people: block YAML with secrets masked, `none` when empty, `could not be parsed` when unreadable.
    pub fn shown(&self) -> String {
        match &self.overrides {
            None => "could not be parsed".to_owned(),
            Some(Value::Object(entries)) if entries.is_empty() => "none".to_owned(),
            Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
            Some(value) => yaml(&masked(value)).map_or_else(|_| "could not be shown".to_owned(), unquote_placeholders),
        }
    }
}

/// A placeholder needs no quotes where it is shown.
fn unquote_placeholders(text: String) -> String {
    let lines = text.lines().map(|line| {
        match line.split_once('"').and_then(|(lead, rest)| Some((lead, rest.strip_suffix('"')?))) {
            Some((lead, value)) if is_placeholder(value) => format!("{lead}{value}"),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl fmt::Debug for ConfigBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBlock")
            .field("version", &self.version)
            .field("overrides", &self.overrides.as_ref().map(masked))
            .finish()
    }
}

impl fmt::Debug for EntityConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.blocks).finish()
    }
}

impl EntityConfig {
    /// Reads one text. Nothing fails: what cannot be read becomes an unreadable block.
    pub fn parse(text: &str) -> Self {
        Self { blocks: parse(text) }
    }

    pub(crate) fn from_texts(texts: &[SecretString]) -> Self {
        Self { blocks: texts.iter().flat_map(|text| parse(text.expose_secret())).collect() }
    }

    /// The blocks, in the order of the text.
    pub fn blocks(&self) -> &[ConfigBlock] {
        &self.blocks
    }

    /// True when there is no block.
    pub const fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Every block for people, secrets masked.
    pub fn shown(&self) -> String {
        let mut out = Vec::new();
        for block in &self.blocks {
            out.push(format!("{}:", block.version));
            out.extend(block.shown().lines().map(|line| format!("  {line}")));
        }
        out.join("\n")
    }
}

fn parse(text: &str) -> Vec<ConfigBlock> {
    let labels = labels(text);
    let parsed = read_yaml(text).and_then(|value| match value {
        Value::Object(entries) if !entries.is_empty() => Some(entries),
        _ => None,
    });
    let Some(entries) = parsed else {
        let label = text.split_once(':').map(|(label, _)| label.trim()).filter(|label| !label.is_empty());
        return label.map(|label| ConfigBlock { version: label.to_owned(), overrides: None }).into_iter().collect();
    };
    let from_text = labels.len() == entries.len();
    let blocks = entries.into_iter().enumerate().map(|(index, (key, body))| ConfigBlock {
        version: labels.get(index).filter(|_| from_text).cloned().unwrap_or(key),
        overrides: overrides(body),
    });
    blocks.collect()
}

/// The labels as written: `1.10` as a YAML key is the number 1.1.
fn labels(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| {
        line.chars().next().is_some_and(|first| !first.is_whitespace() && !matches!(first, '#' | '\'' | '"'))
    });
    lines.filter_map(|line| line.split_once(':')).map(|(label, _)| label.trim().to_owned()).collect()
}

fn overrides(body: Value) -> Option<Value> {
    let Value::Object(mut body) = body else { return None };
    match body.shift_remove("overrides")? {
        Value::Null => Some(Value::Object(Map::new())),
        other => Some(other),
    }
}

/// YAML as a value; none when it cannot be read. serde's words may quote the text, so they are dropped.
fn read_yaml(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

/// Block YAML: key order kept, nothing folded, list items at the indentation of their key.
fn yaml(value: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
        prefer_block_scalars: false,
    };
    let text = serde_saphyr::to_string_with_options(value, options)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the overrides have no YAML form"))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Is this a version label that may be written? First `0-9A-Za-z`, then also `.`, `+`, `_`, `-`.
fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'_' | b'-'))
}

/// The text of one block, as it is sent.
///
/// # Errors
/// `InvalidInput` when the label could break out of its line, or a masked placeholder stands among the values.
pub fn render(version: &str, overrides: &Value) -> Result<SecretString> {
    if !is_label(version) {
        let words = format!("`{}` is not a version label", version.escape_debug());
        return Err(
            Error::new(ErrorKind::InvalidInput, words).advice("use letters, digits, and . + _ - after the first")
        );
    }
    refuse_placeholders(overrides)?;
    let mut block = Map::new();
    block.insert("overrides".into(), overrides.clone());
    let body = yaml(&Value::Object(block))?;
    let lines: Vec<_> =
        body.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") }).collect();
    Ok(SecretString::from(format!("{version}:\n{}", lines.join("\n"))))
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

#[cfg(test)]
mod tests;
