//! The program as hosts run it: spawned, spoken with in plain JSON-RPC, on the embedded world.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod byo;
mod cancel;
mod choice;
mod clients;
mod every;
mod host;
mod http;
mod lists;
mod local;
mod login;
mod official;
mod rough;
