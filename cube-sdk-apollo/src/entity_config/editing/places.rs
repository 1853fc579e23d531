//! Finding places in a text around nodes: the colon of a key, the dash of an item, the end of a line.

use crate::entity_config::tree::{Kind, Node};

#[derive(Clone, Copy)]
pub(super) struct Places<'t> {
    pub(super) text: &'t str,
}

impl<'t> Places<'t> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The next place that is no white space and no comment.
    pub(super) fn skip_blank(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = self.line_end(at),
                _ => return at,
            }
        }
    }

    /// The place after the colon of an entry, if one is written.
    pub(super) fn after_colon(&self, key: &Node) -> Option<usize> {
        let at = self.skip_blank(self.end(key));
        (self.byte(at) == Some(b':')).then_some(at + 1)
    }

    /// The dash of the item that follows a place.
    pub(super) fn dash(&self, from: usize) -> Option<usize> {
        let at = self.skip_blank(from);
        (self.byte(at) == Some(b'-')).then_some(at)
    }

    /// Where a node ends, with anchor and tag where nothing else is written.
    pub(super) fn end(&self, node: &Node) -> usize {
        let last = match &node.kind {
            Kind::Mapping { flow: false, entries } => entries.last().map(|(key, value)| self.entry_end(key, value)),
            Kind::Sequence { flow: false, items } => items.last().map(|item| self.end(item)),
            _ => None,
        };
        last.unwrap_or(node.span.end).max(node.properties_end().unwrap_or_default())
    }

    pub(super) fn entry_end(&self, key: &Node, value: &Node) -> usize {
        if value.is_blank() && value.properties_end().is_none() {
            self.after_colon(key).unwrap_or_else(|| self.end(key))
        } else {
            self.end(value)
        }
    }

    /// Where an entry begins: at its key, or at the `?` before it.
    pub(super) fn entry_start(&self, key: &Node) -> usize {
        let start = key.start();
        let lead = &self.text[self.line_start(start)..start];
        match lead.trim_end_matches([' ', '\t']).strip_suffix('?') {
            Some(rest) if rest.is_empty() || rest.ends_with([' ', '\t', '{', ',', '[']) => {
                self.line_start(start) + rest.len()
            }
            _ => start,
        }
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        let start = self.text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        if start == 0 && self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(at) } else { start }
    }

    /// The end of a line, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..].find(['\n', '\r']).map_or(self.text.len(), |end| at + end)
    }

    /// The start of the next line.
    pub(super) fn next_line(&self, at: usize) -> usize {
        let end = self.line_end(at);
        let rest = &self.text[end..];
        end + if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) }
    }

    /// The start of the first line from here on that is not blank.
    pub(super) fn after_blank_lines(&self, mut at: usize) -> usize {
        while at < self.text.len() && self.text[at..self.line_end(at)].trim().is_empty() {
            at = self.next_line(at);
        }
        at
    }

    /// The column of a place, in characters.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Is a place the first of its line that is no space?
    pub(super) fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].bytes().all(|b| b == b' ')
    }

    /// The line break of this text.
    pub(super) fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }
}
