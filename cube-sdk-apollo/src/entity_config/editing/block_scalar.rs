//! A `|` or `>` text replaced by another, header and indentation kept.

use cube_sdk_core::Result;
use granit_parser::ScalarStyle;

use super::places::Places;
use super::{Edit, Unsure};
use crate::entity_config::tree::Node;

/// Where a block scalar stands.
pub(super) struct BlockScalar {
    /// `|` or `>` with its indicators.
    pub(super) header: std::ops::Range<usize>,
    /// Its lines, from the start of the first to the end of the last; none when it is empty.
    pub(super) lines: Option<std::ops::Range<usize>>,
}

impl BlockScalar {
    /// The scalar that follows `slot`.
    pub(super) fn find(places: Places<'_>, node: &Node, slot: usize) -> Result<Self, Unsure> {
        let start = places.skip_blank(slot);
        let indicators = &places.text[start..places.line_end(start)];
        if !indicators.starts_with(['|', '>']) {
            return Err(Unsure);
        }
        let length = indicators[1..].bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-')).count();
        let header = start..start + 1 + length;
        let first = places.next_line(header.end);
        let lines = (node.span.start >= first && node.span.end > first).then_some(first..node.span.end);
        Ok(Self { header, lines })
    }

    /// The edits that make it hold `text`; none where its form cannot hold it.
    pub(super) fn hold(&self, places: Places<'_>, node: &Node, style: ScalarStyle, text: &str) -> Option<[Edit; 2]> {
        let lines = self.lines.clone()?;
        let indent = " ".repeat(places.column(node.span.start));
        let body = text.trim_end_matches('\n');
        let breaks = text.len() - body.len();
        let indicated = places.text[self.header.clone()].contains(|c: char| c.is_ascii_digit());
        let first = body.split('\n').find(|line| !line.is_empty())?;
        let bad =
            |c: char| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
        if text.contains(bad) || (first.starts_with([' ', '\t']) && !indicated) {
            return None;
        }
        let foldable = body.split('\n').all(|line| !line.is_empty() && !line.starts_with([' ', '\t']));
        let folded = style == ScalarStyle::Folded && foldable;
        let end = places.line_break();
        let between = if folded { format!("{end}{end}") } else { end.to_owned() };
        let held: Vec<_> = body
            .split('\n')
            .map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") })
            .collect();
        let mut held = held.join(&between);
        held.extend((1..breaks).map(|_| end));
        if breaks > 0 && lines.end == places.text.len() {
            held.push_str(end);
        }
        let digit: String = places.text[self.header.clone()].chars().filter(char::is_ascii_digit).collect();
        let chomping = ["-", "", "+"][breaks.min(2)];
        let indicator = if folded { '>' } else { '|' };
        let header = format!("{indicator}{digit}{chomping}");
        Some([Edit { range: self.header.clone(), with: header }, Edit { range: lines, with: held }])
    }
}
