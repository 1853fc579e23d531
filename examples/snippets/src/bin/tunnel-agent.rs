//! `tunnel-agent --url ws(s)://HOST/tunnel --app NAME --bind ADDR --token-file F [--protocol 1|2] [--ca F]`: a local
//! port that leads to an app behind a relay, until SIGINT or SIGTERM.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use cube_sdk_core::SecretString;
use cube_sdk_teleport::tunnel::{Protocol, TunnelState};
use cube_sdk_teleport::{KeyFile, Tunnels};
use snippets::signal;
use snippets::tunnel_key::{self, Key};

#[derive(Parser)]
#[command(about = "A local port that leads to an app behind a tunnel relay")]
struct Args {
    /// The relay, such as wss://cube.example/tunnel.
    #[arg(long)]
    url: url::Url,
    /// The app to reach.
    #[arg(long)]
    app: String,
    /// Where to listen; port 0 means any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: String,
    #[command(flatten)]
    key: tunnel_key::Args,
    /// Speak only this version of the protocol. Default: 2 where the relay knows it.
    #[arg(long, value_parser = ["1", "2"])]
    protocol: Option<String>,
    /// Certificate authorities (PEM) to trust beyond the system's.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Seconds that open streams get when it is told to stop.
    #[arg(long, default_value_t = 5)]
    grace: u64,
}

// One tunnel is one task: a second thread would only hand it back and forth.
#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout)]
async fn main() -> Result<()> {
    let args = Args::parse();
    let protocol = match args.protocol.as_deref() {
        Some("1") => Protocol::V1,
        Some(_) => Protocol::V2,
        None => Protocol::Auto,
    };
    let loopback = args.url.host_str().is_some_and(tunnel_key::is_loopback);
    let mut builder = Tunnels::builder().url(args.url).protocol(protocol);
    builder = match args.key.read(loopback)? {
        Key::File(path) => builder.key_source(KeyFile::new(path)),
        Key::Text(key) => builder.key(SecretString::from(key)),
    };
    if let Some(path) = args.ca {
        builder = builder.extra_ca(std::fs::read(&path).with_context(|| format!("could not read {}", path.display()))?);
    }
    let tunnel = builder.build()?.open(args.app).bind(args.bind).await?;
    println!("listening {}", tunnel.local_addr());
    tokio::select! {
        state = tunnel.closed() => match state {
            TunnelState::Failed(fault) => bail!("the relay refused the key: {fault}"),
            _ => Ok(()),
        },
        stopped = signal::stopped() => {
            stopped?;
            tunnel.shutdown(Duration::from_secs(args.grace)).await;
            Ok(())
        }
    }
}
