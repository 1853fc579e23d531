//! Changing values in a text: what was not changed stays byte for byte, or the edit is refused.
//!
//! The parser's spans tell where a node stands; an edit replaces that text alone. The new text is then read again and
//! must hold exactly the values that were meant, else the next way of writing is tried, and at last it is refused.

use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use serde_json::Value;

use super::label::is_older;
use super::masking::refuse_placeholders;
use super::reading::{EntityConfig, overrides};
use super::rendering::{refuse_label, render};
use super::tree::{Document, Kind, Node};
use super::value::Reading;
use change::{Editor, Place};
use places::Places;

mod block_scalar;
mod change;
mod places;
#[cfg(test)]
mod tests;
mod token;

/// One piece of text in place of another.
#[derive(Debug)]
struct Edit {
    range: std::ops::Range<usize>,
    with: String,
}

/// This way does not lead to the values that were meant.
#[derive(Debug)]
struct Unsure;

/// How to write where there is a choice.
#[derive(Clone, Copy)]
struct Way {
    /// Multi-line texts stay what they are; else they become quoted ones.
    block_scalars: bool,
    /// New entries come last; else first.
    at_end: bool,
    /// The blank lines after an entry that goes stay, and at the end of a text the line break before it goes; else the
    /// reverse: a block scalar before it would have other line breaks then.
    blanks_stay: bool,
}

const WAYS: [Way; 6] = [
    Way { block_scalars: true, at_end: true, blanks_stay: true },
    Way { block_scalars: false, at_end: true, blanks_stay: true },
    Way { block_scalars: true, at_end: false, blanks_stay: true },
    Way { block_scalars: false, at_end: false, blanks_stay: true },
    Way { block_scalars: true, at_end: true, blanks_stay: false },
    Way { block_scalars: false, at_end: true, blanks_stay: false },
];

/// The text of a config with the overrides under one label changed to `new`: the complete set, secrets included.
///
/// Only the text of what differs is changed. Comments, order, quoting, anchors, line breaks and the spelling of every
/// other value stay byte for byte; so do other labels.
///
/// # Errors
/// `InvalidInput`, before anything is sent: a masked placeholder among the values, a text that cannot be parsed, a
/// label that is not in it, a change of what is anchored, aliased or merged in (naming the place), or one that has no
/// sure form in this text.
pub fn edit(text: &str, version: &str, new: &Value) -> Result<SecretString> {
    edit_and_relabel(text, version, version, new)
}

/// The text to send when the overrides of an entity become `new` under `label`: its declared texts, edited.
///
/// Without a block of that label, the only block, or the newest where all are older, moves to it.
pub(crate) fn updated(texts: &[SecretString], label: &str, new: &Value) -> Result<SecretString> {
    refuse_label(label)?;
    refuse_placeholders(new)?;
    if texts.iter().all(is_blank) {
        return render(label, new);
    }
    let config = EntityConfig::from_texts(texts);
    // Comments alone, or what is no block: it is somebody's all the same.
    if config.is_empty() {
        return Err(refused("the declared config cannot be parsed"));
    }
    let declared: Vec<_> = config.blocks().iter().map(|block| block.version()).collect();
    let from = base(&declared, label)?;
    let mut edited = 0;
    let texts = texts.iter().map(|text| {
        let blocks = EntityConfig::parse(text.expose_secret());
        if !blocks.blocks().iter().any(|block| block.version() == from) {
            return Ok(text.clone());
        }
        edited += 1;
        edit_and_relabel(text.expose_secret(), from, label, new)
    });
    let texts = texts.collect::<Result<Vec<_>>>()?;
    if edited > 1 {
        return Err(refused(format!("the config declares the label {from} more than once")));
    }
    joined(&texts)
}

/// Is nothing written in a text?
pub(crate) fn is_blank(text: &SecretString) -> bool {
    text.expose_secret().trim_matches('\u{feff}').trim().is_empty()
}

/// The label whose block is edited.
fn base<'l>(declared: &[&'l str], label: &'l str) -> Result<&'l str> {
    if declared.contains(&label) {
        return Ok(label);
    }
    if let [only] = declared {
        return Ok(only);
    }
    let newest = declared.iter().copied().reduce(|newest, other| if is_older(newest, other) { other } else { newest });
    newest.filter(|newest| is_older(newest, label)).ok_or_else(|| {
        refused(format!(
            "the config has no block of {label}, and none of {} surely comes before it",
            declared.join(", ")
        ))
    })
}

/// Several texts as one, byte for byte: a line break is added only between texts, where one lacks it.
pub(crate) fn joined(texts: &[SecretString]) -> Result<SecretString> {
    if let [only] = texts {
        return Ok(only.clone());
    }
    let mut whole = String::new();
    for text in texts {
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
        whole.push_str(text.expose_secret());
    }
    if EntityConfig::parse(&whole) != EntityConfig::from_texts(texts) {
        return Err(refused("the declared config is in several texts that do not read the same as one"));
    }
    Ok(SecretString::from(whole))
}

fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
        .advice("edit the text by hand, or have it written anew, without its comments and order")
}

fn edit_and_relabel(text: &str, from: &str, to: &str, new: &Value) -> Result<SecretString> {
    refuse_placeholders(new)?;
    let unread = || refused("the declared config cannot be parsed");
    let document = Document::read(text).map_err(|_| unread())?;
    let Some(Value::Object(before)) = document.value() else { return Err(unread()) };
    let body = before.get(from).ok_or_else(|| refused(format!("the config has no block of {from}")))?;
    let old = overrides(body.clone()).ok_or_else(|| refused(format!("the block of {from} has no overrides")))?;
    let mut meant = body.clone();
    if old != *new {
        meant["overrides"] = new.clone();
    }
    let after: Value = before
        .iter()
        .map(|(label, body)| if label == from { (to.to_owned(), meant.clone()) } else { (label.clone(), body.clone()) })
        .collect();
    if from != to && before.contains_key(to) {
        return Err(refused(format!("the config has a block of {to} already")));
    }
    let mut notes = Vec::new();
    for way in WAYS {
        let editor = Editor {
            places: Places { text },
            reading: Reading::of(&document),
            way,
            edits: Vec::new(),
            notes: Vec::new(),
        };
        let (edits, noted) = edits(editor, &document, (from, to), &old, new);
        notes = noted;
        let written = edits.ok().and_then(|edits| apply(text, edits));
        if let Some(written) = written
            && (notes.is_empty() || document.merges_alike())
            && Document::read(&written).ok().and_then(|document| document.value()).as_ref() == Some(&after)
        {
            return Ok(SecretString::from(written));
        }
    }
    notes.dedup();
    Err(refused(if notes.is_empty() {
        "the change has no sure form in the declared text".to_owned()
    } else {
        format!("the change would not be that of one place: {}", notes.join(", "))
    }))
}

/// The edits of one way, and what may forbid them.
fn edits<'d>(
    mut editor: Editor<'_, 'd>,
    document: &'d Document,
    (from, to): (&str, &str),
    old: &Value,
    new: &Value,
) -> (Result<Vec<Edit>, Unsure>, Vec<String>) {
    let done = block(&mut editor, document, (from, to), old, new);
    (done.map(|()| editor.edits), editor.notes)
}

fn block<'d>(
    editor: &mut Editor<'_, 'd>,
    document: &'d Document,
    (from, to): (&str, &str),
    old: &Value,
    new: &Value,
) -> Result<(), Unsure> {
    let (label, body, _) = entry(editor, &document.root, from, 0)?;
    if from != to {
        editor.edits.push(relabelled(editor.places.text, label, to)?);
    }
    if old == new {
        return Ok(());
    }
    if let Kind::Alias(_) = body.kind {
        editor.notes.push(format!("the block of {from} is the alias {}", &editor.places.text[body.span.clone()]));
        return Ok(());
    }
    let column = editor.places.column(editor.places.entry_start(label));
    let (_, overrides, place) = entry(editor, body, "overrides", column).inspect_err(|_| {
        editor.notes.push(format!("the overrides of {from} are merged in"));
    })?;
    // No overrides are shown as empty ones.
    let old = if overrides.is_blank() || !old.is_object() {
        editor.reading.value(overrides).ok_or(Unsure)?
    } else {
        old.clone()
    };
    editor.change(overrides, &old, new, place, "overrides")
}

/// The entry of a key, and where its value stands.
fn entry<'d>(
    editor: &mut Editor<'_, 'd>,
    node: &'d Node,
    wanted: &str,
    column: usize,
) -> Result<(&'d Node, &'d Node, Place), Unsure> {
    let Kind::Mapping { flow, entries } = &node.kind else { return Err(Unsure) };
    let found =
        entries.iter().rev().find(|(key, _)| !key.is_merge() && editor.reading.key(key).as_deref() == Some(wanted));
    let (key, value) = found.ok_or(Unsure)?;
    let places = editor.places;
    let column = if *flow { column } else { places.column(places.entry_start(key)) };
    Ok((key, value, Place { slot: places.after_colon(key), column, flow: *flow, in_list: false }))
}

/// The label in its own quotes.
fn relabelled(text: &str, label: &Node, to: &str) -> Result<Edit, Unsure> {
    let Kind::Scalar { .. } = label.kind else { return Err(Unsure) };
    let quote = match text[label.span.clone()].chars().next() {
        Some(quote @ ('"' | '\'')) => quote.to_string(),
        _ => String::new(),
    };
    if label.is_block_scalar() {
        return Err(Unsure);
    }
    Ok(Edit { range: label.span.clone(), with: format!("{quote}{to}{quote}") })
}

/// The text with its edits; none where they overlap.
fn apply(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let (mut written, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        written.push_str(text.get(at..edit.range.start)?);
        written.push_str(&edit.with);
        at = edit.range.end;
    }
    written.push_str(text.get(at..)?);
    Some(written)
}
