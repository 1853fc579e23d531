//! Policy documents and their evaluation: the part of AWS's policy language that roles, sessions and buckets here use.

mod condition;
mod context;
mod decision;
mod document;
mod malformed;
mod pattern;
mod variable;

pub use decision::Guard;
pub(crate) use decision::{Access, Denial, Question, decide};
pub(crate) use document::{Document, Kind};
pub(crate) use malformed::Malformed;
pub(crate) use pattern::matches;
