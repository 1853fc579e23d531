//! The edits that turn the values of one node into others.

use cube_sdk_core::Result;
use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::block_scalar::BlockScalar;
use super::places::Places;
use super::token::{Before, entry, token};
use super::{Edit, Unsure, Way};
use crate::entity_config::rendering::yaml;
use crate::entity_config::tree::{Kind, Node};
use crate::entity_config::value::Reading;

/// Where a node stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// After the colon, dash, bracket or comma before it; none where no colon is written.
    pub(super) slot: Option<usize>,
    /// The column of its parent's keys or dashes.
    pub(super) column: usize,
    /// Between brackets.
    pub(super) flow: bool,
    pub(super) in_list: bool,
}

pub(super) struct Editor<'t, 'd> {
    pub(super) places: Places<'t>,
    pub(super) reading: Reading<'d>,
    pub(super) way: Way,
    pub(super) edits: Vec<Edit>,
    /// What may forbid the change.
    pub(super) notes: Vec<String>,
}

impl<'d> Editor<'_, 'd> {
    pub(super) fn change(
        &mut self,
        node: &'d Node,
        old: &Value,
        new: &Value,
        place: Place,
        path: &str,
    ) -> Result<(), Unsure> {
        if old == new {
            return Ok(());
        }
        if let Some((_, span)) = &node.anchor {
            self.notes.push(format!("{path} is anchored as {}", &self.places.text[span.clone()]));
        }
        match (&node.kind, old, new) {
            (Kind::Alias(_), ..) => {
                self.notes.push(format!("{path} is the alias {}", &self.places.text[node.span.clone()]));
                Ok(())
            }
            (Kind::Mapping { flow, entries }, Value::Object(old), Value::Object(new)) if !new.is_empty() => {
                self.mapping(node, (*flow, entries), (old, new), place, path)
            }
            (Kind::Sequence { flow, items }, Value::Array(old), Value::Array(new)) if !new.is_empty() => {
                self.sequence(node, (*flow, items), (old, new), place, path)
            }
            (Kind::Scalar { text, style }, _, Value::String(new))
                if node.is_block_scalar() && self.way.block_scalars =>
            {
                self.block_scalar(node, (text, *style), new, place)
            }
            _ => self.replace(node, new, place),
        }
    }

    fn edit(&mut self, range: std::ops::Range<usize>, with: impl Into<String>) {
        self.edits.push(Edit { range, with: with.into() });
    }

    fn mapping(
        &mut self,
        node: &'d Node,
        (flow, entries): (bool, &'d [(Node, Node)]),
        (old, new): (&Map<String, Value>, &Map<String, Value>),
        place: Place,
        path: &str,
    ) -> Result<(), Unsure> {
        let places = self.places;
        let mut keys = Vec::new();
        for (key, _) in entries {
            keys.push(if key.is_merge() { None } else { Some(self.reading.key(key).ok_or(Unsure)?) });
        }
        let gone = |at: usize| keys[at].as_ref().is_some_and(|key| !new.contains_key(key));
        let Some(last_kept) = (0..entries.len()).rev().find(|at| !gone(*at)) else {
            return self.replace(node, &Value::Object(new.clone()), place);
        };
        let column = if flow { place.column } else { places.column(places.entry_start(&entries[0].0)) };
        for (key, value) in old {
            let path = format!("{path}.{key}");
            let written = keys.iter().rposition(|written| written.as_ref() == Some(key));
            match (written, new.get(key)) {
                (Some(at), Some(changed)) => {
                    let (key, node) = &entries[at];
                    let place = Place { slot: places.after_colon(key), column, flow, in_list: false };
                    self.change(node, value, changed, place, &path)?;
                }
                (None, changed) if changed != Some(value) => self.notes.push(format!("{path} is merged in")),
                (Some(_) | None, _) => {}
            }
        }
        let ends: Vec<_> = entries.iter().map(|(key, value)| places.entry_end(key, value)).collect();
        let starts: Vec<_> = entries.iter().map(|(key, _)| places.entry_start(key)).collect();
        self.remove(flow, &starts, &ends, gone);
        let added: Vec<_> = new.iter().filter(|(key, _)| !old.contains_key(*key)).collect();
        if added.is_empty() {
            return Ok(());
        }
        if flow {
            let quoted = matches!(&entries[0].0.kind, Kind::Scalar { style: ScalarStyle::DoubleQuoted, .. });
            let mut text = String::new();
            for (key, value) in added {
                text.push_str(", ");
                text.push_str(&entry(key, value, quoted).map_err(|_| Unsure)?);
            }
            self.edit(ends[last_kept]..ends[last_kept], text);
            return Ok(());
        }
        let added: Map<_, _> = added.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.insert(&Value::Object(added), starts[0], ends[last_kept], column)
    }

    /// Block lines after a place, or before the first entry.
    fn insert(&mut self, value: &Value, first: usize, end: usize, column: usize) -> Result<(), Unsure> {
        let end_of_line = self.places.line_break();
        let pad = format!("{end_of_line}{}", " ".repeat(column));
        let lines = self.lines(value, &pad)?;
        if self.way.at_end {
            let at = self.places.line_end(end);
            self.edit(at..at, format!("{pad}{lines}"));
        } else {
            self.edit(first..first, format!("{lines}{pad}"));
        }
        Ok(())
    }

    /// Block YAML, its lines joined by `pad`.
    fn lines(&self, value: &Value, pad: &str) -> Result<String, Unsure> {
        Ok(yaml(value).map_err(|_| Unsure)?.lines().collect::<Vec<_>>().join(pad))
    }

    /// Takes out entries or items; at least one stays.
    fn remove(&mut self, flow: bool, starts: &[usize], ends: &[usize], gone: impl Fn(usize) -> bool) {
        let mut at = 0;
        while at < starts.len() {
            if !gone(at) {
                at += 1;
                continue;
            }
            let first = at;
            while at < starts.len() && gone(at) {
                at += 1;
            }
            let last = at - 1;
            if !flow && self.places.is_first_on_line(starts[first]) {
                let from = self.places.line_start(starts[first]);
                let to = self.places.next_line(ends[last]);
                let to = if self.way.blanks_stay { to } else { self.places.after_blank_lines(to) };
                // At the end of a text without a line break, the one before goes.
                let at_end =
                    self.way.blanks_stay && to == self.places.text.len() && !self.places.text.ends_with(['\n', '\r']);
                let from = if at_end && first > 0 { self.places.line_end(ends[first - 1]) } else { from };
                self.edit(from..to, "");
            } else if flow && first > 0 {
                self.edit(ends[first - 1]..ends[last], "");
            } else if let Some(next) = starts.get(at) {
                self.edit(starts[first]..*next, "");
            }
        }
    }

    fn sequence(
        &mut self,
        node: &'d Node,
        (flow, items): (bool, &'d [Node]),
        (old, new): (&[Value], &[Value]),
        place: Place,
        path: &str,
    ) -> Result<(), Unsure> {
        let places = self.places;
        let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let rest = old.len().min(new.len()) - head;
        let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
        let changed = old.len().min(new.len()) - tail;
        let gone = |at: usize| at >= changed && at < old.len() - tail;
        if old.len() != items.len() || (0..items.len()).all(gone) {
            return self.replace(node, &Value::Array(new.to_vec()), place);
        }
        let mut starts = Vec::new();
        let mut from = node.properties_end().or(place.slot).unwrap_or(node.span.start);
        for item in items {
            starts.push(if flow { item.start() } else { places.dash(from).ok_or(Unsure)? });
            from = places.end(item).max(starts.last().map_or(0, |start| start + 1));
        }
        let column = if flow { place.column } else { places.column(starts[0]) };
        for at in head..changed {
            let slot = if flow { starts[at] } else { starts[at] + 1 };
            let place = Place { slot: Some(slot), column, flow, in_list: true };
            self.change(&items[at], &old[at], &new[at], place, &format!("{path}[{at}]"))?;
        }
        let ends: Vec<_> = items.iter().zip(&starts).map(|(item, start)| places.end(item).max(*start)).collect();
        self.remove(flow, &starts, &ends, gone);
        let added = &new[changed..new.len() - tail];
        if added.is_empty() {
            return Ok(());
        }
        if flow {
            let tokens: Vec<_> = added
                .iter()
                .map(|item| token(item, Before::nothing(true)))
                .collect::<Result<_>>()
                .map_err(|_| Unsure)?;
            match changed.checked_sub(1) {
                Some(before) => self.edit(ends[before]..ends[before], format!(", {}", tokens.join(", "))),
                None => self.edit(starts[0]..starts[0], format!("{}, ", tokens.join(", "))),
            }
            return Ok(());
        }
        let added = Value::Array(added.to_vec());
        match changed.checked_sub(1) {
            Some(before) if self.way.at_end || changed < starts.len() => {
                let way = std::mem::replace(&mut self.way.at_end, true);
                let inserted = self.insert(&added, starts[0], ends[before], column);
                self.way.at_end = way;
                inserted
            }
            _ => {
                let way = std::mem::replace(&mut self.way.at_end, false);
                let inserted = self.insert(&added, starts[0], ends[0], column);
                self.way.at_end = way;
                inserted
            }
        }
    }

    fn block_scalar(
        &mut self,
        node: &Node,
        (_, style): (&str, ScalarStyle),
        new: &str,
        place: Place,
    ) -> Result<(), Unsure> {
        let slot = node.properties_end().or(place.slot).ok_or(Unsure)?;
        let found = BlockScalar::find(self.places, node, slot)?;
        match found.hold(self.places, node, style, new) {
            Some(edits) if node.tag_name().is_none_or(|tag| tag == "str") => {
                self.edits.extend(edits);
                Ok(())
            }
            _ => self.replace(node, &Value::String(new.to_owned()), place),
        }
    }

    /// Writes another value in place of a node. Its anchor stays; a tag that no longer fits goes.
    fn replace(&mut self, node: &Node, new: &Value, place: Place) -> Result<(), Unsure> {
        let text = self.places.text;
        let mut before = Before::nothing(place.flow);
        if let Kind::Scalar { style, .. } = &node.kind {
            let written = if node.is_block_scalar() { "" } else { &text[node.span.clone()] };
            before = Before { text: written, style: *style, ..before };
        }
        let mut properties_end = node.properties_end();
        if let Some(tag) = &node.tag {
            before.tagged_text = tag.name == "str" && new.is_string();
            if !before.tagged_text {
                let to = self.places.text[tag.span.end..].find(|c| c != ' ').map_or(text.len(), |at| tag.span.end + at);
                self.edit(tag.span.start..to, "");
                properties_end = properties_end.map(|end| if end == tag.span.end { to } else { end });
            }
        }
        let slot = properties_end.or(place.slot);
        let flat = place.flow
            || match new {
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                _ => true,
            };
        if !flat {
            return self.replace_by_block(node, new, place, slot.ok_or(Unsure)?);
        }
        let token = token(new, before).map_err(|_| Unsure)?;
        if node.is_block_scalar() {
            let found = BlockScalar::find(self.places, node, slot.ok_or(Unsure)?)?;
            if let Some(lines) = found.lines {
                self.edit(self.places.line_end(found.header.end)..lines.end, "");
            }
            self.edit(found.header, token);
        } else if node.is_blank() {
            match slot {
                Some(slot) => {
                    let led = text[..slot].ends_with(' ');
                    self.edit(slot..slot, if led { token } else { format!(" {token}") });
                }
                None => self.edit(node.span.clone(), format!(": {token}")),
            }
        } else {
            let end = self.places.end(node);
            let from = slot.filter(|slot| {
                let block = matches!(node.kind, Kind::Mapping { flow: false, .. } | Kind::Sequence { flow: false, .. });
                block && text.get(*slot..self.node_start(node)).is_some_and(|lead| lead.trim().is_empty())
            });
            match from {
                Some(slot) => self.edit(slot..end, format!(" {token}")),
                None => self.edit(self.node_start(node)..end, token),
            }
        }
        Ok(())
    }

    /// Where the node's own text begins; a list without brackets begins at its first dash.
    fn node_start(&self, node: &Node) -> usize {
        match &node.kind {
            Kind::Mapping { flow: false, entries } => {
                entries.first().map_or(node.span.start, |(key, _)| self.places.entry_start(key))
            }
            Kind::Sequence { flow: false, .. } => {
                let from = node.properties_end().unwrap_or_else(|| self.places.line_start(node.span.start));
                let line = self.places.line_start(node.span.start);
                self.places.dash(from.max(line)).unwrap_or(node.span.start)
            }
            _ => node.span.start,
        }
    }

    fn replace_by_block(&mut self, node: &Node, new: &Value, place: Place, slot: usize) -> Result<(), Unsure> {
        let end = if node.is_blank() { slot } else { self.places.end(node).max(slot) };
        let deeper = if new.is_array() && !place.in_list { place.column } else { place.column + 2 };
        let pad = format!("{}{}", self.places.line_break(), " ".repeat(deeper));
        let lines = self.lines(new, &pad)?;
        let anchored = node.anchor.is_some();
        let lead = if place.in_list && !anchored { " " } else { &pad };
        self.edit(slot..end, format!("{lead}{lines}"));
        Ok(())
    }
}
