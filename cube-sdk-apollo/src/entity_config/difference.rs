//! What an update would change, line by line, secrets masked.

use std::fmt;

use cube_sdk_core::redact::{masked, placeholder};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::showing::{CHANGED, shown_as_is};

/// What an update would change, before anything is sent. Secrets are masked; where one changes, its line says so.
///
/// Printed with `-`, `+` or a blank before each line, warnings first.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct ConfigDiff {
    /// The version label that would be written.
    pub label: String,
    /// What to think about before sending.
    pub warnings: Vec<String>,
    /// Every line of the overrides, in order.
    pub lines: Vec<DiffLine>,
}

/// A line of a difference, without line break.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(tag = "change", content = "line", rename_all = "snake_case")]
pub enum DiffLine {
    /// It stays.
    Kept(String),
    /// It goes.
    Removed(String),
    /// It comes.
    Added(String),
}

impl ConfigDiff {
    pub(crate) fn between(label: &str, old: &Value, new: &Value, warnings: Vec<String>) -> Self {
        let (shown_old, mut shown_new) = (masked(old), masked(new));
        mark(old, new, &shown_old, &mut shown_new);
        let (old, new) = (shown_as_is(&shown_old), shown_as_is(&shown_new));
        // A last line without break is no other line.
        let ended = |text: String| if text.ends_with('\n') { text } else { text + "\n" };
        let (old, new) = (ended(old), ended(new));
        let diff = TextDiff::from_lines(&old, &new);
        let lines = diff.iter_all_changes().map(|change| {
            let line = change.value().trim_end_matches('\n').to_owned();
            match change.tag() {
                ChangeTag::Equal => DiffLine::Kept(line),
                ChangeTag::Delete => DiffLine::Removed(line),
                ChangeTag::Insert => DiffLine::Added(line),
            }
        });
        Self { label: label.to_owned(), warnings, lines: lines.collect() }
    }

    /// True when the update would change nothing under its label.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| matches!(line, DiffLine::Kept(_)))
    }
}

/// The placeholder of a secret that changes.
fn changed(shown: &str) -> String {
    format!("{}{CHANGED}", shown.trim_end_matches([' ', '>']))
}

/// Marks changed secrets whose placeholders are alike.
fn mark(old: &Value, new: &Value, shown_old: &Value, shown_new: &mut Value) {
    match shown_new {
        Value::String(shown) if *shown_old == shown.as_str() && old != new && *shown == placeholder(new) => {
            *shown = changed(shown);
        }
        Value::Object(entries) => {
            let Some(names) = new.as_object().map(serde_json::Map::keys) else { return };
            let before = old.as_object().into_iter().flat_map(serde_json::Map::keys);
            let before: Vec<_> = before.zip(shown_old.as_object().into_iter().flatten()).collect();
            let shown = std::mem::take(entries).into_iter().zip(names);
            *entries = shown
                .map(|((mut name, mut shown), key)| {
                    match before.iter().find(|(old_key, _)| *old_key == key) {
                        Some((_, (_, shown_old))) => {
                            if let (Some(old), Some(new)) = (old.get(key), new.get(key)) {
                                mark(old, new, shown_old, &mut shown);
                            }
                        }
                        // Another secret name, masked alike.
                        None if name != *key && before.iter().any(|(_, (shown, _))| **shown == name) => {
                            name = changed(&name);
                        }
                        None => {}
                    }
                    (name, shown)
                })
                .collect();
        }
        Value::Array(items) => {
            for (at, shown) in items.iter_mut().enumerate() {
                if let (Some(old), Some(new), Some(shown_old)) = (old.get(at), new.get(at), shown_old.get(at)) {
                    mark(old, new, shown_old, shown);
                }
            }
        }
        _ => {}
    }
}

impl fmt::Display for ConfigDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        writeln!(f, " {}:", self.label)?;
        for line in &self.lines {
            let (sign, line) = match line {
                DiffLine::Kept(line) => (' ', line),
                DiffLine::Removed(line) => ('-', line),
                DiffLine::Added(line) => ('+', line),
            };
            writeln!(f, "{sign}  {line}")?;
        }
        Ok(())
    }
}
