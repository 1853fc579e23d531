//! The REST client on the wire: every endpoint, every rule, every way to fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod download;
mod endpoints;
mod fixtures;
mod grant_rules;
mod replies;
mod retries;
mod script;
mod secrets;
mod texts;
mod waiters;
