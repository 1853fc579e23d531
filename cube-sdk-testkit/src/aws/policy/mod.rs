//! Policy documents and their evaluation: the part of AWS's policy language that roles, sessions and buckets here use.

mod condition;
mod decision;
mod document;
mod pattern;
mod variable;

pub use decision::Guard;
pub(crate) use decision::{Access, Denial, Question, decide};
pub(crate) use document::{Document, Kind, Malformed};
pub(crate) use pattern::matches;
