//! cube: environments, clusters, tunnels and bring-your-own storage at the command line.

mod ask;
mod cli;
mod commands;
mod complete;
mod context;
mod failure;
mod inputs;
mod output;
mod progress;
mod stop;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use tracing_subscriber::EnvFilter;

use cli::Cli;
use context::Context;

fn main() -> ExitCode {
    // Ends the process where a shell asks for completions.
    CompleteEnv::with_factory(Cli::command).complete();
    let Cli { global, command } = Cli::parse();
    log();
    let context = Context::new(global, Cli::command);
    // Commands wait for others most of their time; what computes has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command.run(&context)),
        Err(cause) => Err(anyhow::Error::new(cause).context("starting the runtime")),
    };
    match done {
        Ok(code) => code,
        Err(error) => failure::tell(&error, context.output()),
    }
}

/// Log lines go to stderr, as many as `RUST_LOG` asks for.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(!output::plain() && std::io::stderr().is_terminal())
        .init();
}
