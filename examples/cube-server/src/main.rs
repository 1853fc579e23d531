//! cube-server: the embedded world, and the EdgeGate BYO service and cube-cloud for a company to run itself.

mod cloud;
mod connections;
mod database;
mod doctor;
mod edgegate;
mod file;
mod kept;
mod local;
mod moving;
mod served;
mod stop;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cube_sdk_core::Error;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(name = "cube-server", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the embedded world on loopback until SIGINT or SIGTERM.
    Local(local::Local),
    /// Run the EdgeGate BYO service, and administer its database.
    #[command(subcommand)]
    Edgegate(edgegate::EdgeGate),
    /// Run cube-cloud.
    #[command(subcommand)]
    Cloud(cloud::Cloud),
    /// Administer the API keys of cube-cloud.
    #[command(subcommand)]
    Keys(cloud::Keys),
    /// Administer the users of cube-cloud.
    #[command(subcommand)]
    Users(cloud::Users),
}

#[tokio::main]
async fn main() -> ExitCode {
    // The S3 double logs each refusal as an error, though refusing is what it is there for.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,s3s=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match Arguments::parse().command {
        Command::Local(command) => command.run().await,
        Command::Edgegate(command) => command.run().await,
        Command::Cloud(command) => command.run().await,
        Command::Keys(command) => command.run().await,
        Command::Users(command) => command.run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "cube-server: {error:#}");
            ExitCode::from(error.downcast_ref::<Error>().map_or(1, |error| error.kind().exit_code()))
        }
    }
}

/// Writes to stdout, which may be a pipe that was closed.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
