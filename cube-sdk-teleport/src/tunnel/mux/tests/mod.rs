//! The table against the plainest model of a stream, and rule by rule.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod model;
mod mutants;
mod pair;
mod properties;
mod rules;
