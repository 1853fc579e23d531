//! A file whose top level is a mapping, such as a chart's: its value, and where the scalars of its keys stand.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::tree::{Document, Kind, Node};

/// One YAML document, with places.
pub(crate) struct TopLevel(Document);

/// A scalar under a key of the top level.
pub(crate) struct Place {
    /// Where its text stands, quotes included; where nothing is written, the empty place behind the key, before its colon.
    pub(crate) span: Range<usize>,
    /// The quote that it is in, if any.
    pub(crate) quote: Option<char>,
    /// It is a block scalar, an alias, or carries an anchor or a tag: replacing it would change more than a value.
    pub(crate) entangled: bool,
}

impl TopLevel {
    /// Reads one document; none where the text is not one. A byte-order mark belongs to the caller.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Document::read(text).ok().map(Self)
    }

    /// The document as a value; none where aliases blow it up.
    pub(crate) fn value(&self) -> Option<Value> {
        self.0.value()
    }

    /// The top level is a mapping.
    pub(crate) const fn is_mapping(&self) -> bool {
        matches!(self.0.root.kind, Kind::Mapping { .. })
    }

    /// The top level is nothing, or `null`.
    pub(crate) fn is_nothing(&self) -> bool {
        let plain = matches!(self.0.root.kind, Kind::Scalar { style: ScalarStyle::Plain, .. });
        plain && self.0.value().is_some_and(|value| value.is_null())
    }

    /// The top level is a mapping in block style, to whose end a line can be added.
    pub(crate) const fn is_block_mapping(&self) -> bool {
        matches!(self.0.root.kind, Kind::Mapping { flow: false, .. })
    }

    /// A key that stands twice in one mapping, wherever it is.
    pub(crate) fn repeated_key(&self) -> Option<&str> {
        let mut todo = vec![&self.0.root];
        while let Some(node) = todo.pop() {
            match &node.kind {
                Kind::Sequence { items, .. } => todo.extend(items),
                Kind::Mapping { entries, .. } => {
                    let mut seen = HashSet::new();
                    for (key, value) in entries {
                        if let Kind::Scalar { text, .. } = &key.kind
                            && !key.is_merge()
                            && !seen.insert(text.as_str())
                        {
                            return Some(text);
                        }
                        todo.extend([key, value]);
                    }
                }
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
        None
    }

    /// Where the value of a key of the top level stands; none where the key is not written there.
    pub(crate) fn place(&self, wanted: &str) -> Option<Place> {
        let Kind::Mapping { entries, .. } = &self.0.root.kind else { return None };
        let is_wanted = |key: &Node| matches!(&key.kind, Kind::Scalar { text, .. } if text == wanted);
        let (key, node) = entries.iter().find(|(key, _)| is_wanted(key))?;
        let quote = match node.kind {
            Kind::Scalar { style: ScalarStyle::SingleQuoted, .. } => Some('\''),
            Kind::Scalar { style: ScalarStyle::DoubleQuoted, .. } => Some('"'),
            _ => None,
        };
        let plain = matches!(node.kind, Kind::Scalar { .. }) && !node.is_block_scalar();
        let entangled = !plain || node.anchor.is_some() || node.tag.is_some() || key.anchor.is_some();
        let span = if node.is_blank() { key.span.end..key.span.end } else { node.span.clone() };
        Some(Place { span, quote, entangled })
    }
}
