//! cube-agent: cubes, tunnels, publishing and BYO storage as tools of an AI host.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use cube_agent::protocol::{HttpServer, serve_stdio};
use cube_agent::{Agent, Choice};
use cube_sdk::core::config::ListenAddress;
use cube_sdk::{Cube, Error};
use tracing_subscriber::EnvFilter;

/// An MCP server for edge cubes and for storage that customers bring
///
/// A host starts it and speaks with it over stdin and stdout. Log lines go to stderr, as many as RUST_LOG asks for.
#[derive(Parser)]
#[command(name = "cube-agent", version)]
struct Arguments {
    /// Serve Streamable HTTP at this loopback address, under /mcp, instead of stdin and stdout.
    #[arg(long, value_name = "ADDR")]
    http: Option<ListenAddress>,
    /// The token that callers over HTTP show; a file that is not there gets a random one. Default: http_token in
    /// CUBE_AGENT_CONFIG_DIR, which is ~/.cube-agent.
    #[arg(long, value_name = "FILE", requires = "http")]
    http_token_file: Option<PathBuf>,
    /// Offer only tools that change nothing.
    #[arg(long)]
    read_only: bool,
    /// Offer only tools whose names fit, such as 'app_*'; may be given several times.
    #[arg(long, value_name = "GLOB")]
    tools: Vec<String>,
}

// One host and a few tunnels: one thread carries them, in half the memory of more.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // rmcp warns of each refusal, which the host is told anyway.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,rmcp=error"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(!plain && std::io::stderr().is_terminal())
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads it when stderr is closed.
            let _ = writeln!(std::io::stderr(), "cube-agent: {error:#}");
            ExitCode::from(error.downcast_ref::<Error>().map_or(1, |error| error.kind().exit_code()))
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let choice = Choice::new(arguments.read_only, &arguments.tools)?;
    let cube = Cube::builder().application("cube-agent", env!("CARGO_PKG_VERSION")).build();
    let agent = Agent::new(cube, choice);
    let Some(address) = arguments.http else {
        return serve_stdio(agent).await;
    };
    let token = agent.cube().auth()?.local_token(arguments.http_token_file.as_deref()).await?;
    let server = HttpServer::bind(agent, &address, token).await?;
    // Nobody reads it when stdout is closed.
    let (at, token) = (server.address(), server.token().file().display());
    let _ = writeln!(std::io::stdout(), "listening http://{at}/mcp\ntoken-file {token}");
    Ok(server.serve(async { drop(tokio::signal::ctrl_c().await) }).await?)
}
