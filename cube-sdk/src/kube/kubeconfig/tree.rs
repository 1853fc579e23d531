//! A text as a tree of nodes that know their places in it.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

#[derive(Debug)]
pub(super) struct Node {
    /// From the first byte of the node to the last of its last child; empty where nothing is written.
    pub(super) span: Range<usize>,
    /// It has an anchor or a tag: replacing it would change more than itself.
    pub(super) entangled: bool,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar { text: String, style: ScalarStyle },
    Sequence { flow: bool, items: Vec<Node> },
    Mapping { flow: bool, entries: Vec<(Node, Node)> },
    Alias,
}

impl Node {
    /// The one document of a text; none where it is not one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            builder.take(event, &span)?;
        }
        builder.root
    }

    /// The entries of a mapping under a key, in their order.
    pub(super) fn entries<'n>(&'n self, wanted: &'n str) -> impl Iterator<Item = &'n (Self, Self)> {
        let entries = match &self.kind {
            Kind::Mapping { entries, .. } => entries.as_slice(),
            _ => &[],
        };
        let is_wanted = move |key: &Self| matches!(&key.kind, Kind::Scalar { text, .. } if text == wanted);
        entries.iter().filter(move |(key, _)| is_wanted(key))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Nothing, or `null`.
    pub(super) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar { text, style: ScalarStyle::Plain } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// A collection in flow style.
    pub(super) const fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Mapping { flow: true, .. } | Kind::Sequence { flow: true, .. })
    }

    /// Some node below, or this one, has an anchor or a tag, or is an alias or a merge of another.
    pub(super) fn is_entangled(&self) -> bool {
        self.entangled
            || match &self.kind {
                Kind::Alias => true,
                Kind::Scalar { .. } => false,
                Kind::Sequence { items, .. } => items.iter().any(Self::is_entangled),
                Kind::Mapping { entries, .. } => entries
                    .iter()
                    .any(|(key, value)| key.text() == Some("<<") || key.is_entangled() || value.is_entangled()),
            }
    }

    fn close(&mut self, end: &Range<usize>) {
        let last = match &self.kind {
            Kind::Sequence { items, .. } => items.last(),
            Kind::Mapping { entries, .. } => entries.last().map(|(_, value)| value),
            Kind::Scalar { .. } | Kind::Alias => None,
        };
        // A collection in block style has no end of its own.
        self.span.end = match last {
            Some(last) if end.is_empty() => last.span.end,
            _ => end.end,
        };
        if let Kind::Mapping { flow: false, entries } = &self.kind
            && let Some((key, _)) = entries.first()
        {
            self.span.start = key.span.start;
        }
    }
}

#[derive(Default)]
struct Builder {
    /// Collections whose end has not come, each with the key that waits for its value.
    open: Vec<(Node, Option<Node>)>,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Option<()> {
        let span = span.byte_range()?;
        let node = |kind, entangled| Node { span: span.clone(), entangled, kind };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let entangled = anchor != 0 || tag.is_some();
                self.place(node(Kind::Scalar { text: text.into_owned(), style }, entangled))?;
            }
            Event::Alias(_) => self.place(node(Kind::Alias, true))?,
            Event::SequenceStart(style, anchor, tag) => {
                let kind = Kind::Sequence { flow: style == StructureStyle::Flow, items: Vec::new() };
                self.open.push((node(kind, anchor != 0 || tag.is_some()), None));
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = Kind::Mapping { flow: style == StructureStyle::Flow, entries: Vec::new() };
                self.open.push((node(kind, anchor != 0 || tag.is_some()), None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (mut node, _) = self.open.pop()?;
                node.close(&span);
                self.place(node)?;
            }
            _ => {}
        }
        Some(())
    }

    fn place(&mut self, node: Node) -> Option<()> {
        let Some((parent, key)) = self.open.last_mut() else {
            // A second document is none that kubectl reads.
            return self.root.replace(node).is_none().then_some(());
        };
        match &mut parent.kind {
            Kind::Sequence { items, .. } => items.push(node),
            Kind::Mapping { entries, .. } => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(node),
            },
            Kind::Scalar { .. } | Kind::Alias => return None,
        }
        Some(())
    }
}
