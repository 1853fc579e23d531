//! Why a list ended before its end.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Why a list ended before its end. The error that tells it carries this as its
/// [fault](Error::fault): ask [`Error::truncation`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Truncation {
    /// The server named a page that it had named before.
    RepeatedCursor,
    /// A page, or its list, was absent from a reply.
    AbsentPage,
    /// The cap on pages was reached with a further page outstanding.
    PageCap,
}

impl Truncation {
    /// The words used in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RepeatedCursor => "the server named the same next page twice",
            Self::AbsentPage => "a page was absent from the reply",
            Self::PageCap => "the cap on pages was reached",
        }
    }

    pub(super) fn into_error(self) -> Error {
        let advice = match self {
            Self::PageCap => "the items before this are good; allow more pages, or take them with allow_truncated",
            _ => "the items before this are good; allow_truncated takes them without this error",
        };
        Error::new(ErrorKind::Decode, format!("the list is truncated: {}", self.as_str()))
            .with_fault(self)
            .advice(advice)
    }
}

impl Error {
    /// Why a list ended before its end, when that is what the error tells.
    pub fn truncation(&self) -> Option<Truncation> {
        self.fault().copied()
    }
}

impl fmt::Display for Truncation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
