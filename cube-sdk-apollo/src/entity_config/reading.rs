//! Texts as blocks.

use std::fmt;

use cube_sdk_core::SecretString;
use cube_sdk_core::redact::{masked, masked_name};
use cube_sdk_core::secret::ExposeSecret;
use serde_json::{Map, Value};

use super::showing;
use super::tree::Document;

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

    /// The overrides, secrets included; none when the block could not be read. Aliases and merges are followed, keys
    /// are texts as written, and so is a value on which PyYAML and helm differ, or that JSON cannot hold.
    pub const fn expose_overrides(&self) -> Option<&Value> {
        self.overrides.as_ref()
    }

    /// The overrides for people: block YAML with secrets masked, `none` when empty, `could not be parsed` when unreadable.
    pub fn shown(&self) -> String {
        showing::shown(self.overrides.as_ref())
    }
}

impl fmt::Debug for ConfigBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBlock")
            .field("version", &masked_name(&self.version))
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
            out.push(format!("{}:", masked_name(&block.version)));
            out.extend(block.shown().lines().map(|line| format!("  {line}")));
        }
        out.join("\n")
    }
}

fn parse(text: &str) -> Vec<ConfigBlock> {
    let (value, first_key) = match Document::read(text) {
        Ok(document) => (document.value(), None),
        Err(unread) => (None, unread.first_key),
    };
    match value {
        Some(Value::Object(entries)) if !entries.is_empty() => {
            let blocks = entries.into_iter().map(|(version, body)| ConfigBlock { version, overrides: overrides(body) });
            blocks.collect()
        }
        _ => {
            let first =
                || text.split_once(':').map(|(label, _)| label.trim_start_matches('\u{feff}').trim().to_owned());
            let label = first_key.or_else(first).filter(|label| !label.is_empty());
            label.map(|version| ConfigBlock { version, overrides: None }).into_iter().collect()
        }
    }
}

/// The overrides in the body of a block.
pub(super) fn overrides(body: Value) -> Option<Value> {
    let Value::Object(mut body) = body else { return None };
    match body.shift_remove("overrides")? {
        Value::Null => Some(Value::Object(Map::new())),
        other => Some(other),
    }
}
