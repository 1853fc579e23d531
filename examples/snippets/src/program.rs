//! What the tunnel programs have in common: log lines on stderr, and an exit code that says what went wrong.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use cube_sdk_core::Error;
use tracing_subscriber::EnvFilter;

/// Runs a program's body. Log lines go to stderr, as many as `RUST_LOG` asks for (warnings without it), in colour on a
/// terminal unless `NO_COLOR` is set. An error is one line, and the exit code is that of its kind, or 1.
pub async fn run(name: &str, body: impl Future<Output = Result<()>>) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(!plain && std::io::stderr().is_terminal())
        .init();
    match body.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads it when stderr is closed.
            let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
            ExitCode::from(error.downcast_ref::<Error>().map_or(1, |error| error.kind().exit_code()))
        }
    }
}

/// Writes a line to stdout, which may be a pipe that was closed.
///
/// # Errors
/// When it cannot be written.
pub fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Tells where the program listens, as the one line on stdout.
///
/// # Errors
/// As [`say`].
pub fn listening(address: std::net::SocketAddr) -> Result<()> {
    say(&format!("listening {address}"))
}
