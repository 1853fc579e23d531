//! `tunnel-relay --listen ADDR --app NAME=HOST:PORT… --token-file F [--tls-cert F --tls-key F]`: a relay in front of
//! a few TCP apps, until SIGINT or SIGTERM.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use clap::Parser;
use cube_sdk_core::config::ListenAddress;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_core::{Error, SecretString};
use cube_sdk_teleport::dial::{DirectDialer, Route};
use cube_sdk_teleport::tunnel::{
    AppName, Authorizer, Caller, Ending, Party, Refusal, Relay, RelayEvent, RelayServer, ServerTls, TunnelCode,
};
use futures_util::StreamExt as _;
use snippets::program::{self, listening};
use snippets::signal;
use snippets::tunnel_key::{self, Key, KeyArguments};

/// A tunnel relay in front of a few TCP apps
#[derive(Parser)]
#[command(name = "tunnel-relay", version)]
struct Arguments {
    /// Where to listen; port 0 means any free one.
    #[arg(long)]
    listen: ListenAddress,
    /// An app as NAME=HOST:PORT; may be given several times.
    #[arg(long = "app", value_parser = app, required = true)]
    apps: Vec<(String, String)>,
    #[command(flatten)]
    key: KeyArguments,
    /// Certificate chain (PEM).
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Seconds that open streams get when it is told to stop.
    #[arg(long, default_value_t = 5)]
    grace: u64,
}

fn app(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, target)) if target.contains(':') => {
            AppName::new(name).map(|name| (name.to_string(), target.to_owned())).map_err(|error| error.to_string())
        }
        _ => Err("write it as NAME=HOST:PORT".to_owned()),
    }
}

/// One key, read again for every connection when it is in a file, and a fixed list of apps.
struct Door {
    key: Key,
    apps: HashMap<String, String>,
}

#[async_trait]
impl Authorizer for Door {
    async fn authenticate(&self, key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        let expected = self.key.now().map_err(|error| {
            tracing::error!(%error, "nobody can come in");
            Refusal::new(TunnelCode::Internal, "the relay cannot read its key")
        })?;
        if tunnel_key::same(expected.expose_secret().as_bytes(), key.expose_secret().as_bytes()) {
            Ok(Caller::new("token"))
        } else {
            Err(Refusal::new(TunnelCode::BadKey, "the key is not this relay's"))
        }
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        match self.apps.get(app.as_str()) {
            Some(target) => Ok(Route::new(app.clone(), target.clone())),
            None => Err(Refusal::new(TunnelCode::UnknownApp, format!("no app `{app}`"))),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::run("tunnel-relay", relay(arguments)).await
}

async fn relay(arguments: Arguments) -> Result<()> {
    let key = arguments.key.read(arguments.listen.is_loopback())?;
    key.now()?;
    let tls = match (arguments.tls_cert, arguments.tls_key) {
        (Some(cert), Some(key)) => Some(ServerTls::from_pem(&read(&cert)?, &read(&key)?)?),
        _ => None,
    };
    let relay = Relay::builder().build(Door { key, apps: arguments.apps.into_iter().collect() }, DirectDialer::new());
    let server = RelayServer::bind(relay.clone(), arguments.listen.as_str(), tls).await?;
    // Before the line is out, so that a signal right after it is not lost.
    let stopped = signal::stopped()?;
    listening(server.local_addr()?)?;
    let grace = Duration::from_secs(arguments.grace);
    let serve = server.run(async {
        stopped.await;
        grace
    });
    tokio::select! {
        _ = serve => Ok(()),
        never = tell(&relay) => match never {},
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::io(format!("could not read {}", path.display()), cause))
}

/// One line for each caller that was sent away, and for each stream that was refused.
async fn tell(relay: &Relay) -> Infallible {
    let mut events = relay.events();
    while let Some(event) = events.next().await {
        match event {
            RelayEvent::Refused { peer, status, code, message } => {
                tracing::warn!(%peer, status, code, "caller refused: {message}");
            }
            RelayEvent::StreamRefused { connection, stream, refusal } => {
                tracing::warn!(connection, stream, "stream refused: {refusal}");
            }
            RelayEvent::StreamEnded { connection, report } => match &report.ending {
                ending @ Ending::Cut { by: Party::Local, .. } => {
                    tracing::warn!(connection, stream = report.stream, app = %report.app, "stream refused or cut: {ending}");
                }
                ending => {
                    tracing::info!(connection, stream = report.stream, app = %report.app, "stream ended: {ending}");
                }
            },
            RelayEvent::Connected { connection, caller, peer, version } => {
                tracing::info!(connection, caller = &*caller, %peer, %version, "connected");
            }
            RelayEvent::Disconnected { connection, end } => tracing::info!(connection, "disconnected: {}", end.reason),
            RelayEvent::HandshakeFailed { peer, reason } => tracing::info!(%peer, "no handshake: {reason}"),
            RelayEvent::Missed(count) => tracing::warn!("{count} events were not told"),
            other => tracing::debug!("{other:?}"),
        }
    }
    std::future::pending().await
}
