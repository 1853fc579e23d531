//! The built program, driven as people and programs drive it, against the embedded world.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod account;
mod asking;
mod byo;
mod cable;
mod cloud;
mod cluster;
mod documents;
mod every;
mod help;
mod publish;
mod shells;
mod terminal;
mod tunnels;
mod world;
