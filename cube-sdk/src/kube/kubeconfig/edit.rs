//! New entries in the text of a kubeconfig, of which nothing else changes.

use std::ops::Range;

use cube_sdk_core::{Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use super::incoming::Entry;
use super::tree::{Kind, Node};
use super::written::{item, mapping, scalar};

/// A text with changes, and what of the old one is not in it.
#[derive(Debug)]
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) losses: Vec<String>,
}

/// Why a place cannot be changed alone.
struct Entangled(String);

/// Puts entries into a text, in place of those of the same names, and sets the current context if there is one.
///
/// The edited text is read again and compared with what was meant. What cannot be edited in place is written anew as a
/// whole, and that is then a loss.
pub(super) fn edited(text: &str, entries: &[&Entry], context: Option<&str>) -> Result<Edited> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let before = value(body)?;
    if let Some(root) = Node::read(body)
        && body[root.span.start - column(body, root.span.start)..root.span.start].contains('\t')
    {
        return Err(unreadable("the kubeconfig is indented by a tab, which kubectl does not read"));
    }
    let meant = merged(before.clone(), entries, context)?;
    let mut losses = Vec::new();
    for entry in entries {
        lost_fields(&before, entry, &mut losses);
    }
    let out = match in_place(body, &before, entries, context, &mut losses) {
        Ok(out) if value(&out).ok().as_ref() == Some(&meant) => out,
        outcome => {
            let why = match outcome {
                Err(Entangled(why)) => why,
                Ok(_) => "its form".to_owned(),
            };
            if body.trim_start().starts_with('{') && !body.contains('#') {
                // JSON has no comments; its layout is lost.
                losses.push(format!("the layout of the whole file ({why})"));
            } else {
                losses.push(format!("comments, anchors and layout of the whole file ({why})"));
            }
            whole(&meant)
        }
    };
    Ok(Edited { text: format!("{mark}{out}"), losses })
}

fn unreadable(why: &str) -> Error {
    Error::new(ErrorKind::Config, why).advice("mend the file by hand, or name another one with KUBECONFIG")
}

/// The text as a value; null where it is empty.
fn value(text: &str) -> Result<Value> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Null);
    }
    // The parser's words may quote the text, which holds keys.
    let value: Value =
        serde_saphyr::from_str(text).map_err(|_| unreadable("the kubeconfig is not one readable YAML document"))?;
    match value {
        Value::Null | Value::Object(_) => Ok(value),
        _ => Err(unreadable("the kubeconfig is no mapping")),
    }
}

/// What is meant.
fn merged(before: Value, entries: &[&Entry], context: Option<&str>) -> Result<Value> {
    let mut root = match before {
        Value::Object(root) => root,
        _ => Map::new(),
    };
    for (key, default) in [("apiVersion", "v1"), ("kind", "Config")] {
        if root.get(key).is_none_or(Value::is_null) {
            root.insert(key.to_owned(), default.into());
        }
    }
    for entry in entries {
        let list = root.entry(entry.section).or_insert(Value::Null);
        if list.is_null() {
            *list = json!([]);
        }
        let Value::Array(list) = list else {
            return Err(Error::new(ErrorKind::Config, format!("{} is no list in the kubeconfig", entry.section))
                .advice("mend the file by hand, or name another one with KUBECONFIG"));
        };
        let mut found = false;
        list.retain_mut(|old| {
            if !is_named(old, &entry.name) {
                return true;
            }
            // Only the first one counts, and kubectl refuses a second.
            let first = !found;
            found = true;
            if first {
                *old = Value::Object(entry.value.clone());
            }
            first
        });
        if !found {
            list.push(Value::Object(entry.value.clone()));
        }
    }
    if let Some(context) = context {
        root.insert("current-context".to_owned(), context.into());
    }
    Ok(Value::Object(root))
}

fn is_named(entry: &Value, name: &str) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(name)
}

fn whole(value: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(map) = value {
        mapping(map, 0, false, &mut out);
    }
    out.push('\n');
    out
}

/// What a cluster, user or context says that is replaced by design.
const REPLACED: [&str; 20] = [
    "name",
    "cluster",
    "user",
    "context",
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "username",
    "password",
    "exec",
    "auth-provider",
    "proxy-url",
];

/// Fields of an entry of the same name that the new one does not have.
fn lost_fields(before: &Value, entry: &Entry, losses: &mut Vec<String>) {
    fn compare(old: &Value, new: &Value, path: &str, losses: &mut Vec<String>) {
        for (key, old) in old.as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            match new.get(key) {
                Some(new) => compare(old, new, &path, losses),
                None if REPLACED.contains(&key.as_str()) => {}
                None => losses.push(path),
            }
        }
    }
    let list = before.get(entry.section).and_then(Value::as_array).into_iter().flatten();
    for (at, old) in list.filter(|old| is_named(old, &entry.name)).enumerate() {
        let path = format!("{}[{}]", entry.section, entry.name);
        if at > 0 {
            losses.push(format!("{path}, which is there twice: only the first counts"));
        } else {
            compare(old, &Value::Object(entry.value.clone()), &path, losses);
        }
    }
}

type Changes = Vec<(Range<usize>, String)>;

fn in_place(
    text: &str,
    before: &Value,
    entries: &[&Entry],
    context: Option<&str>,
    losses: &mut Vec<String>,
) -> Result<String, Entangled> {
    let root = match Node::read(text) {
        Some(root) => root,
        None if before.is_null() => return Ok(appended(text, None, before, entries, context)),
        None => return Err(Entangled("it cannot be taken apart".to_owned())),
    };
    if before.is_null() {
        return match root.is_null() && root.span.is_empty() {
            true => Ok(appended(text, None, before, entries, context)),
            false => Err(Entangled("it says null".to_owned())),
        };
    }
    let mut changes = Changes::new();
    for (section, of_section) in by_section(entries) {
        let mut found = root.entries(section);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => return Err(Entangled(format!("{section} is there twice"))),
            (Some((key, list)), None) => {
                let empty = list_changes(text, list, section, &of_section, before, &mut changes, losses)?;
                if empty {
                    first_entries(text, root.is_flow(), key, list, &of_section, &mut changes)?;
                }
            }
            (None, _) => {}
        }
    }
    if let (Some(context), Some((key, node))) = (context, root.entries("current-context").next()) {
        context_change(text, key, node, context, &mut changes)?;
    }
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut out = text.to_owned();
    for (place, new) in changes {
        out.replace_range(place, &new);
    }
    Ok(appended(&out, Some(&root), before, entries, context))
}

fn by_section<'e>(entries: &[&'e Entry]) -> Vec<(&'static str, Vec<&'e Entry>)> {
    let mut found: Vec<(&'static str, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        match found.iter_mut().find(|(section, _)| *section == entry.section) {
            Some((_, list)) => list.push(entry),
            None => found.push((entry.section, vec![entry])),
        }
    }
    found
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn with_line_ends(lines: &str, text: &str) -> String {
    if line_end(text) == "\n" { lines.to_owned() } else { lines.replace('\n', "\r\n") }
}

/// Columns before a place in its line.
fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// A node without the blank space that a block scalar at its end takes with it.
fn end_of(text: &str, node: &Node) -> usize {
    node.span.start + text[node.span.clone()].trim_end().len()
}

/// Replaces entries, and adds those that are new behind the last one. True for a list without any.
///
/// An entry may be replaced alone where nothing of it is named elsewhere, and it names nothing.
fn list_changes(
    text: &str,
    list: &Node,
    section: &str,
    entries: &[&Entry],
    before: &Value,
    changes: &mut Changes,
    losses: &mut Vec<String>,
) -> Result<bool, Entangled> {
    if list.entangled {
        return Err(Entangled(format!("{section} has an anchor or a tag")));
    }
    let (flow, items) = match &list.kind {
        Kind::Sequence { flow, items } => (*flow, items.as_slice()),
        Kind::Scalar { .. } if list.is_null() => (false, &[][..]),
        _ => return Err(Entangled(format!("{section} is no list of its own"))),
    };
    let old = before.get(section).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if old.len() != items.len() {
        return Err(Entangled(format!("{section} is put together from others")));
    }
    let mut fresh = Vec::new();
    for entry in entries {
        let named: Vec<_> = (0..items.len()).filter(|at| is_named(&old[*at], &entry.name)).collect();
        let Some((first, doubles)) = named.split_first() else {
            fresh.push(*entry);
            continue;
        };
        for at in &named {
            if items[*at].is_entangled() {
                return Err(Entangled(format!("{section}[{}] has an anchor, an alias or a tag", entry.name)));
            }
        }
        if old[*first] != Value::Object(entry.value.clone()) {
            let place = if flow { items[*first].span.clone() } else { with_dash(text, &items[*first])? };
            if has_comment(&text[place.clone()]) {
                losses.push(format!("comments in {section}[{}]", entry.name));
            }
            let new = if flow { flow_item(entry) } else { item(&entry.value, column(text, place.start)) };
            changes.push((place, with_line_ends(&new, text)));
        }
        for at in doubles {
            let place = if flow {
                end_of(text, &items[at - 1])..end_of(text, &items[*at])
            } else {
                lines_of(text, with_dash(text, &items[*at])?)
            };
            changes.push((place, String::new()));
        }
    }
    let Some(last) = items.last() else { return Ok(true) };
    if fresh.is_empty() {
        return Ok(false);
    }
    if flow {
        let new: String = fresh.iter().map(|entry| format!(", {}", flow_item(entry))).collect();
        let end = end_of(text, last);
        changes.push((end..end, new));
    } else {
        let indent = column(text, with_dash(text, last)?.start);
        let at = end_of_line(text, end_of(text, last));
        changes.push((at..at, with_line_ends(&lines(&fresh, indent), text)));
    }
    Ok(false)
}

/// Entries of a list that is empty, null, or not written at all.
fn first_entries(
    text: &str,
    in_flow: bool,
    key: &Node,
    list: &Node,
    entries: &[&Entry],
    changes: &mut Changes,
) -> Result<(), Entangled> {
    let colon = behind_colon(text, key)?;
    // Where nothing is written the parser names some place further on.
    let written = if list.span.is_empty() { colon..colon } else { list.span.clone() };
    if in_flow {
        let new: Vec<_> = entries.iter().map(|entry| flow_item(entry)).collect();
        let gap = if text[..written.start].ends_with(':') { " " } else { "" };
        changes.push((written, format!("{gap}[{}]", new.join(", "))));
        return Ok(());
    }
    let at = end_of_line(text, written.end);
    let rest = text[written.end..at].trim_start();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(Entangled(format!("`{rest}` stands behind a list")));
    }
    let indent = column(text, key.span.start);
    changes.push((at..at, with_line_ends(&lines(entries, indent), text)));
    if !written.is_empty() {
        let start = text[..written.start].trim_end_matches(' ').len();
        let start = if rest.is_empty() { start } else { written.start };
        changes.push((start..written.end, String::new()));
    }
    Ok(())
}

/// The place behind the colon of a key.
fn behind_colon(text: &str, key: &Node) -> Result<usize, Entangled> {
    let rest = &text[key.span.end..];
    let gap = rest.len() - rest.trim_start().len();
    match rest[gap..].starts_with(':') {
        true => Ok(key.span.end + gap + 1),
        false => Err(Entangled("a key has no colon".to_owned())),
    }
}

/// Each on lines of its own, behind a line that is there.
fn lines(entries: &[&Entry], indent: usize) -> String {
    entries.iter().map(|entry| format!("\n{}{}", " ".repeat(indent), item(&entry.value, indent))).collect()
}

fn flow_item(entry: &Entry) -> String {
    // JSON is YAML's flow style.
    Value::Object(entry.value.clone()).to_string()
}

/// An entry of a list in block style with the dash before it.
fn with_dash(text: &str, node: &Node) -> Result<Range<usize>, Entangled> {
    let before = text[..node.span.start].trim_end();
    match before.strip_suffix('-') {
        Some(front) => Ok(front.len()..end_of(text, node)),
        None => Err(Entangled("an entry does not begin with its dash".to_owned())),
    }
}

fn end_of_line(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    if text[at..end].ends_with('\r') { end - 1 } else { end }
}

/// The whole lines of a place.
fn lines_of(text: &str, place: Range<usize>) -> Range<usize> {
    let start = text[..place.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[place.end..].find('\n').map_or(text.len(), |end| place.end + end + 1);
    start..end
}

/// Looks for more than there is rather than for less: a text with ` #` in it counts.
fn has_comment(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" #"))
}

fn context_change(text: &str, key: &Node, node: &Node, context: &str, changes: &mut Changes) -> Result<(), Entangled> {
    let plain = matches!(&node.kind, Kind::Scalar { .. }) && !node.entangled;
    let written = &text[node.span.clone()];
    if !plain || written.starts_with(['|', '>']) || written.contains('\n') {
        return Err(Entangled("current-context is no plain text".to_owned()));
    }
    if node.text() == Some(context) && !node.is_null() {
        return Ok(());
    }
    let new = if written.starts_with('"') { json!(context).to_string() } else { scalar(&json!(context)) };
    if node.span.is_empty() {
        let at = behind_colon(text, key)?;
        changes.push((at..at, format!(" {new}")));
    } else {
        changes.push((node.span.clone(), new));
    }
    Ok(())
}

/// The text with the keys of the top level that were not there.
fn appended(text: &str, root: Option<&Node>, before: &Value, entries: &[&Entry], context: Option<&str>) -> String {
    let mut missing = Map::new();
    for (key, default) in [("apiVersion", "v1"), ("kind", "Config")] {
        if before.get(key).is_none() {
            missing.insert(key.to_owned(), default.into());
        }
    }
    for (section, of_section) in by_section(entries) {
        if before.get(section).is_none() {
            let list = of_section.iter().map(|entry| Value::Object(entry.value.clone())).collect();
            missing.insert(section.to_owned(), Value::Array(list));
        }
    }
    if let Some(context) = context.filter(|_| before.get("current-context").is_none()) {
        missing.insert("current-context".to_owned(), context.into());
    }
    if missing.is_empty() {
        return text.to_owned();
    }
    if matches!(root.map(|root| &root.kind), Some(Kind::Mapping { flow: true, .. })) {
        let Some(end) = text.rfind('}') else { return text.to_owned() };
        let inside = text[..end].trim_end();
        let comma = if inside.ends_with(['{', ',']) { "" } else { "," };
        let new: Vec<_> = missing.iter().map(|(key, value)| format!(" {}: {value}", json!(key))).collect();
        return format!("{inside}{comma}{}{}", new.join(","), &text[inside.len()..]);
    }
    let indent = root.map_or(0, |root| column(text, root.span.start));
    let mut new = String::new();
    mapping(&missing, indent, false, &mut new);
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { line_end(text) };
    format!("{text}{gap}{}{}", with_line_ends(&new, text), line_end(text))
}
