//! A tree as a value: aliases and merges followed, scalars typed, keys as they are written.

use std::collections::HashMap;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::scalar;
use super::tree::{Document, Kind, Node};

/// What aliases may blow a text up to: nodes, each with a sixteenth of its length.
const MOST: usize = 200_000;

/// How deep values may nest, aliases followed.
const DEEPEST: usize = 512;

/// One YAML document as a value; none where the text is not one, or aliases blow it up.
pub(crate) fn value_of(text: &str) -> Option<Value> {
    Document::read(text).ok()?.value()
}

impl Document {
    /// The whole document; none where aliases blow it up beyond any use.
    pub(super) fn value(&self) -> Option<Value> {
        Reading::of(self).value(&self.root)
    }

    /// Do PyYAML and helm see the same where keys are merged in?
    pub(super) fn merges_alike(&self) -> bool {
        Reading::of(self).value(&self.root) == Reading::in_order(self).value(&self.root)
    }
}

/// Follows the aliases of one document.
pub(super) struct Reading<'d> {
    anchors: HashMap<usize, &'d Node>,
    inside: Vec<usize>,
    depth: usize,
    left: usize,
    /// Merges hold over what is written before them, as helm has it; else what is written holds, as PyYAML has it.
    merge_in_order: bool,
}

impl<'d> Reading<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        Self { anchors: document.anchors(), inside: Vec::new(), depth: 0, left: MOST, merge_in_order: false }
    }

    /// As helm reads merges.
    fn in_order(document: &'d Document) -> Self {
        Self { merge_in_order: true, ..Self::of(document) }
    }

    pub(super) fn value(&mut self, node: &'d Node) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let anchor = node.anchor.as_ref().map(|(id, _)| *id);
        self.inside.extend(anchor);
        let value = match &node.kind {
            Kind::Scalar { text, style } => {
                self.left = self.left.checked_sub(text.len() / 16)?;
                if node.is_blank() && node.tag.is_none() {
                    Value::Null
                } else {
                    scalar::value(text, *style != ScalarStyle::Plain, node.tag_name())
                }
            }
            Kind::Sequence { items, .. } => items.iter().map(|item| self.value(item)).collect::<Option<_>>()?,
            Kind::Mapping { entries, .. } => Value::Object(self.mapping(entries)?),
            Kind::Alias(id) => match self.anchors.get(id) {
                // A node inside itself is no tree: shown as a name.
                Some(target) if !self.inside.contains(id) => self.value(target)?,
                _ => Value::String("*".into()),
            },
        };
        self.inside.truncate(self.inside.len() - usize::from(anchor.is_some()));
        self.depth -= 1;
        Some(value)
    }

    /// Merged entries come first; what is written here holds, and of two equal keys the later one.
    fn mapping(&mut self, entries: &'d [(Node, Node)]) -> Option<Map<String, Value>> {
        let mut map = Map::new();
        let mut entries: Vec<_> = entries.iter().collect();
        if !self.merge_in_order {
            entries.sort_by_key(|(key, _)| !key.is_merge());
        }
        for (key, value) in entries {
            match if key.is_merge() { self.merged(value)? } else { None } {
                Some(merged) => map.extend(merged),
                None => {
                    let value = self.value(value)?;
                    map.insert(self.key(key)?, value);
                }
            }
        }
        Some(map)
    }

    /// What a merge brings in; nothing where it is no mapping and no list of them, which readers refuse.
    fn merged(&mut self, node: &'d Node) -> Option<Option<Map<String, Value>>> {
        Some(match self.value(node)? {
            Value::Object(map) => Some(map),
            Value::Array(items) => {
                let mut merged = Some(Map::new());
                // The first of the list holds.
                for item in items.into_iter().rev() {
                    merged = match (merged, item) {
                        (Some(mut map), Value::Object(item)) => {
                            map.extend(item);
                            Some(map)
                        }
                        _ => None,
                    };
                }
                merged
            }
            _ => None,
        })
    }

    /// A key by its text: `1.10` stays `1.10`; of a key that is no scalar, the JSON text.
    pub(super) fn key(&mut self, node: &'d Node) -> Option<String> {
        match &node.kind {
            Kind::Scalar { .. } if node.is_blank() => Some(String::new()),
            Kind::Scalar { text, .. } => Some(text.clone()),
            Kind::Alias(id) if !self.inside.contains(id) => match self.anchors.get(id).copied() {
                Some(target) if !matches!(target.kind, Kind::Alias(_)) => self.key(target),
                _ => Some("*".into()),
            },
            _ => self.value(node).map(|value| value.to_string()),
        }
    }
}
