//! Which version of an object is read: its ETag.

/// An ETag that answers are compared with. Only a strong one is also sent as a condition: RFC 9110 lets no weak one stand
/// in If-Match, and an empty one means nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pin(String);

impl Pin {
    /// From an answer, or from a caller: with or without quotes.
    pub(crate) fn new(etag: &str) -> Self {
        let etag = etag.trim();
        let quoted = etag.is_empty() || etag.starts_with('"') || etag.starts_with("W/");
        Self(if quoted { etag.to_owned() } else { format!("\"{etag}\"") })
    }

    /// What is sent as If-Match.
    pub(crate) fn condition(&self) -> Option<String> {
        let strong = self.0.len() > 2 && self.0.starts_with('"') && self.0.ends_with('"');
        strong.then(|| self.0.clone())
    }

    /// Is an answer of this version?
    pub(crate) fn is(&self, etag: &str) -> bool {
        *self == Self::new(etag)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_are_conditions() {
        assert_eq!(Pin::new("\"a\"").condition().as_deref(), Some("\"a\""));
        assert_eq!(Pin::new("a").condition().as_deref(), Some("\"a\""));
        for odd in ["", "\"\"", "W/\"a\"", "\"a"] {
            assert_eq!(Pin::new(odd).condition(), None, "{odd}");
        }
        assert!(Pin::new("a").is("\"a\"") && !Pin::new("a").is("W/\"a\"") && Pin::new("").is(""));
    }
}
