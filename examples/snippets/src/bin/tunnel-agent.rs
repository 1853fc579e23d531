//! `tunnel-agent --url ws(s)://HOST/tunnel --app NAME --bind ADDR --token-file F [--protocol 1|2] [--ca F]`: a local
//! port that leads to an app behind a relay, until SIGINT or SIGTERM.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use cube_sdk_core::SecretString;
use cube_sdk_core::config::{ListenAddress, is_loopback};
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_teleport::tunnel::{Ending, Protocol, Tunnel, TunnelEvent, TunnelState};
use cube_sdk_teleport::{KeyFile, Tunnels};
use futures_util::StreamExt as _;
use snippets::program::{self, listening};
use snippets::signal;
use snippets::tunnel_key::{Key, KeyArguments};

/// A local port that leads to an app behind a tunnel relay
#[derive(Parser)]
#[command(name = "tunnel-agent", version)]
struct Arguments {
    /// The relay, such as wss://cube.example/tunnel.
    #[arg(long)]
    url: url::Url,
    /// The app to reach.
    #[arg(long)]
    app: String,
    /// Where to listen; port 0 means any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: ListenAddress,
    #[command(flatten)]
    key: KeyArguments,
    /// Speak only this version of the protocol. Default: 2 where the relay knows it.
    #[arg(long, value_parser = ["1", "2"])]
    protocol: Option<String>,
    /// Certificate authorities (PEM) to trust beyond the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Send the key in clear text over ws:// to another machine, for everyone on the way to read.
    #[arg(long)]
    danger_allow_clear_text: bool,
    /// Seconds that open streams get when it is told to stop.
    #[arg(long, default_value_t = 5)]
    grace: u64,
}

// One tunnel is one task: a second thread would only hand it back and forth.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("tunnel-agent", agent(arguments)).await
}

async fn agent(arguments: Arguments) -> Result<()> {
    let protocol = match arguments.protocol.as_deref() {
        Some("1") => Protocol::V1,
        Some(_) => Protocol::V2,
        None => Protocol::Auto,
    };
    let loopback = arguments.url.host_str().is_some_and(is_loopback);
    let mut builder = Tunnels::builder().url(arguments.url).protocol(protocol);
    builder = match arguments.key.read(loopback)? {
        Key::File(path) => builder.key_source(KeyFile::new(path)),
        Key::Text(key) => builder.key(SecretString::from(key)),
    };
    if let Some(path) = arguments.ca {
        builder = builder.extra_ca(RootCertificates::from_file(&path)?);
    }
    if arguments.danger_allow_clear_text {
        builder = builder.danger_allow_clear_text();
    }
    let stopped = signal::stopped()?;
    let tunnel = builder.build()?.open(arguments.app).bind(arguments.bind.as_str()).await?;
    listening(tunnel.local_addr())?;
    tokio::select! {
        state = tunnel.closed() => match state {
            TunnelState::Failed(fault) => Err(fault.into_error().into()),
            _ => Ok(()),
        },
        never = tell(&tunnel) => match never {},
        () = stopped => {
            tunnel.shutdown(Duration::from_secs(arguments.grace)).await;
            Ok(())
        }
    }
}

/// One line for each stream that was refused or cut by the other side, and for each change of the state.
async fn tell(tunnel: &Tunnel) -> std::convert::Infallible {
    let mut events = tunnel.events();
    while let Some(event) = events.next().await {
        match event {
            TunnelEvent::StreamEnded { report } => match &report.ending {
                Ending::Completed => tracing::debug!(stream = report.stream, "stream ended"),
                ending => tracing::warn!(stream = report.stream, app = %report.app, "stream refused or cut: {ending}"),
            },
            TunnelEvent::LocalRefused { code } => tracing::warn!("a local connection got no stream: {code}"),
            TunnelEvent::State(state @ TunnelState::Reconnecting { .. }) => tracing::warn!("{state}"),
            TunnelEvent::State(state) => tracing::info!("{state}"),
            TunnelEvent::Missed(count) => tracing::warn!("{count} events were not told"),
            other => tracing::debug!("{other:?}"),
        }
    }
    // Its end is told by its state.
    std::future::pending().await
}
