//! Runs our S3 reader and its peers side by side against nginx on loopback, and judges our figures.
//!
//! Each reader is a process of its own that reads one object into a null sink; the rounds are interleaved, so
//! that whatever else the machine does falls on all of them alike. `cargo run --release -p peers-s3 -- --help`.
#![allow(clippy::print_stdout, reason = "a program that reports on stdout")]
#![allow(clippy::print_stderr, reason = "progress goes to stderr")]

mod certificate;
mod child;
mod component;
mod first_byte;
mod late;
mod machine;
mod measure;
mod memory;
mod nginx;
mod object;
mod peer;
mod reader;
mod report;
mod round;
mod target;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "peers-s3", version, about = "Our S3 reader beside its peers")]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: measure::Measure,
}

#[derive(Subcommand)]
enum Command {
    /// One reader in this process (what the harness starts; prints one JSON line).
    #[command(hide = true)]
    Read(reader::Read),
    /// The hop that makes first bytes late (what the harness starts).
    #[command(hide = true)]
    Late(late::Hop),
}

fn main() -> anyhow::Result<()> {
    let program = Program::parse();
    match program.command {
        Some(Command::Read(read)) => reader::run(&read),
        Some(Command::Late(hop)) => late::serve(&hop),
        // The parent stays small and without a runtime: a child's peak RSS starts from that of its parent.
        None => measure::run(&program.measure),
    }
}
