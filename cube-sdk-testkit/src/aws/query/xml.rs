//! The few XML elements that answers are made of.

/// Elements in the order they were added; nothing is written but what [`Xml::text`] escapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.0.push_str(&format!("<{name}>{}</{name}>", escape(value)));
        self
    }

    pub(crate) fn wrap(mut self, name: &str, inside: impl FnOnce(Self) -> Self) -> Self {
        let inner = inside(Self::new());
        self.0.push_str(&format!("<{name}>{}</{name}>", inner.0));
        self
    }

    pub(crate) fn append(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// The whole document under a root element with a namespace.
    pub(crate) fn document(self, root: &str, namespace: &str) -> String {
        format!("<{root} xmlns=\"{namespace}\">{}</{root}>\n", self.0)
    }

    /// The whole document under a bare root element, with the declaration that S3 sends.
    pub(crate) fn declared(self, root: &str) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>{}</{root}>", self.0)
    }
}

/// The entities, and a replacement for what no XML can carry.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' | ' '.. => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
        out
    })
}
