//! A text as a tree of nodes that know their places in it. The parser is a library's; only its events are kept here.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

/// A node, and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// Its own text: without anchor and tag, empty where nothing is written, up to its last child where it is a block.
    pub(super) span: Range<usize>,
    pub(super) anchor: Option<(usize, Range<usize>)>,
    pub(super) tag: Option<Tagged>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) struct Tagged {
    /// The name of one of YAML's own tags (`str`, `int`, …), else the tag as resolved.
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar { text: String, style: ScalarStyle },
    Sequence { flow: bool, items: Vec<Node> },
    Mapping { flow: bool, entries: Vec<(Node, Node)> },
    Alias(usize),
}

impl Node {
    /// Where the node begins with anchor and tag.
    pub(super) fn start(&self) -> usize {
        let anchor = self.anchor.as_ref().map(|(_, span)| span.start);
        let tag = self.tag.as_ref().map(|tag| tag.span.start);
        [anchor, tag].into_iter().flatten().fold(self.span.start, usize::min)
    }

    /// Where anchor and tag end, if there are any.
    pub(super) fn properties_end(&self) -> Option<usize> {
        let anchor = self.anchor.as_ref().map(|(_, span)| span.end);
        anchor.max(self.tag.as_ref().map(|tag| tag.span.end))
    }

    pub(super) fn tag_name(&self) -> Option<&str> {
        self.tag.as_ref().map(|tag| tag.name.as_str())
    }

    /// Nothing is written here.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.kind, Kind::Scalar { style: ScalarStyle::Plain, .. }) && self.span.is_empty()
    }

    pub(super) const fn is_block_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. })
    }

    /// `<<`, unquoted.
    pub(super) fn is_merge(&self) -> bool {
        match &self.kind {
            Kind::Scalar { text, style } => {
                text == "<<" && (*style == ScalarStyle::Plain && self.tag.is_none() || self.tag_name() == Some("merge"))
            }
            _ => false,
        }
    }
}

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
}

/// Why a text is no document; the first key, if the text got that far.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) first_key: Option<String>,
}

impl Document {
    /// Reads the one document of a text. The parser's words may quote the text, so they are dropped.
    pub(super) fn read(text: &str) -> Result<Self, Unread> {
        let mut builder = Builder { text, open: Vec::new(), held: None, root: None, first_key: None };
        let options = granit_parser::options! { emit_anchor_events: true, emit_comments: false };
        for event in Parser::new_from_str_with_options(text, options) {
            let taken = event.ok().and_then(|(event, span)| builder.take(event, &span));
            if taken.is_none() {
                return Err(Unread { first_key: builder.first_key });
            }
        }
        let first_key = builder.first_key.take();
        builder.root.map(|root| Self { root }).ok_or(Unread { first_key })
    }

    /// The nodes that aliases mean.
    pub(super) fn anchors(&self) -> HashMap<usize, &Node> {
        let (mut found, mut todo) = (HashMap::new(), vec![&self.root]);
        while let Some(node) = todo.pop() {
            if let Some((id, _)) = &node.anchor {
                found.insert(*id, node);
            }
            match &node.kind {
                Kind::Sequence { items, .. } => todo.extend(items),
                Kind::Mapping { entries, .. } => todo.extend(entries.iter().flat_map(|(key, value)| [key, value])),
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
        found
    }
}

/// Puts events together. A scalar is held back until the next event tells whether it has an anchor.
struct Builder<'t> {
    text: &'t str,
    open: Vec<Open>,
    held: Option<Node>,
    root: Option<Node>,
    first_key: Option<String>,
}

/// A collection whose end has not come.
struct Open {
    node: Node,
    key: Option<Node>,
}

impl Builder<'_> {
    /// None where this is not one document.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let place = span.byte_range()?;
        if let Event::Anchor(id, _) = event {
            let node = self.held.as_mut().or_else(|| self.open.last_mut().map(|open| &mut open.node))?;
            node.anchor = Some((id, place));
            return Some(());
        }
        if let Some(held) = self.held.take() {
            self.place(held)?;
        }
        let node = |kind, tag: Option<&Tag>| {
            let tag = match tag {
                Some(tag) => Some(Tagged { name: tag_name(tag), span: span.tag_span()?.byte_range()? }),
                None => None,
            };
            Some(Node { span: place.clone(), anchor: None, tag, kind })
        };
        match event {
            Event::Scalar(text, style, _, tag) => {
                let mut node = node(Kind::Scalar { text: text.into_owned(), style }, tag.as_deref())?;
                if node.is_block_scalar() {
                    self.settle_block_scalar(&mut node, span.start.col());
                }
                self.held = Some(node);
            }
            Event::Alias(id) => self.held = Some(node(Kind::Alias(id), None)?),
            Event::SequenceStart(style, _, tag) => {
                let kind = Kind::Sequence { flow: style == StructureStyle::Flow, items: Vec::new() };
                self.open.push(Open { node: node(kind, tag.as_deref())?, key: None });
            }
            Event::MappingStart(style, _, tag) => {
                let kind = Kind::Mapping { flow: style == StructureStyle::Flow, entries: Vec::new() };
                self.open.push(Open { node: node(kind, tag.as_deref())?, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let mut node = self.open.pop()?.node;
                node.close(&place);
                self.place(node)?;
            }
            _ => {}
        }
        Some(())
    }

    fn place(&mut self, node: Node) -> Option<()> {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            // A second document: PyYAML refuses it, helm reads the first alone.
            return self.root.replace(node).is_none().then_some(());
        };
        match &mut open.node.kind {
            Kind::Sequence { items, .. } => items.push(node),
            Kind::Mapping { entries, .. } => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    if let (1, None, Kind::Scalar { text, .. }) = (depth, &self.first_key, &node.kind) {
                        self.first_key = Some(text.clone());
                    }
                    open.key = Some(node);
                }
            },
            Kind::Scalar { .. } | Kind::Alias(_) => return None,
        }
        Some(())
    }

    /// Ends a block scalar with its own last line: the parser's span runs on to the next token. At the end of a text
    /// without a line break its last line has none either, as PyYAML and helm read it; the parser adds one.
    fn settle_block_scalar(&self, node: &mut Node, indent: usize) {
        let Kind::Scalar { text: value, .. } = &mut node.kind else { return };
        let source = &self.text[node.span.clone()];
        if source.trim().is_empty() {
            // Nothing in it: it ends with its header.
            let end = self.text[..node.span.start].trim_end().len();
            node.span = end..end;
            return;
        }
        let rest_of_text = &self.text[node.span.end..];
        let lines = source.rfind('\n').map_or(0, |at| at + 1);
        if rest_of_text.is_empty() && !self.text.ends_with(['\n', '\r']) {
            let line = &self.text[self.text.rfind(['\n', '\r']).map_or(0, |at| at + 1)..];
            let inside = !line.trim_start_matches(' ').is_empty() || line.len() > indent;
            if inside && value.ends_with('\n') {
                value.pop();
            }
            if inside {
                return;
            }
        }
        // What follows the last line break is the indentation of something else.
        let source = &source[..lines];
        let source = source.strip_suffix('\n').map_or(source, |source| source.strip_suffix('\r').unwrap_or(source));
        let blank = source.rsplit('\n').take_while(|line| line.trim().is_empty()).count();
        let kept = value.len() - value.trim_end_matches('\n').len();
        let mut end = source.len();
        // Blank lines after the last one belong to the scalar only as far as its value has them.
        for _ in kept.saturating_sub(1)..blank.min(source.matches('\n').count()) {
            end = source[..end].rfind('\n').map_or(end, |at| at - usize::from(source[..at].ends_with('\r')));
        }
        node.span.end = node.span.start + end;
    }
}

impl Node {
    /// Ends a collection: with its bracket, or with its last child where it has none.
    fn close(&mut self, end: &Range<usize>) {
        let last = match &self.kind {
            Kind::Sequence { items, .. } => items.last(),
            Kind::Mapping { entries, .. } => entries.last().map(|(_, value)| value),
            Kind::Scalar { .. } | Kind::Alias(_) => None,
        };
        self.span.end = match last {
            Some(last) if end.is_empty() => last.span.end.max(last.properties_end().unwrap_or_default()),
            _ => end.end,
        };
        let first = match &self.kind {
            Kind::Mapping { flow: false, entries } => entries.first().map(|(key, _)| key.start()),
            _ => None,
        };
        self.span.start = first.unwrap_or(self.span.start);
    }
}

/// YAML's own tags by their last word, others whole.
fn tag_name(tag: &Tag) -> String {
    let whole = format!("{}{}", tag.handle(), tag.suffix());
    match whole.strip_prefix("tag:yaml.org,2002:") {
        Some(name) => name.to_owned(),
        None => whole,
    }
}
