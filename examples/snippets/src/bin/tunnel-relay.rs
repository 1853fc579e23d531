//! `tunnel-relay --listen ADDR --app NAME=HOST:PORT… --token-file F [--tls-cert F --tls-key F]`: a relay in front of
//! a few TCP apps, until SIGINT or SIGTERM.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use clap::Parser;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_teleport::dial::{DirectDialer, Route};
use cube_sdk_teleport::tunnel::{AppName, Authorizer, Caller, Refusal, Relay, RelayServer, ServerTls, TunnelCode};
use snippets::signal;
use snippets::tunnel_key::{self, Key};

#[derive(Parser)]
#[command(about = "A tunnel relay in front of a few TCP apps")]
struct Args {
    /// Where to listen; port 0 means any free one.
    #[arg(long)]
    listen: String,
    /// An app as NAME=HOST:PORT; may be given several times.
    #[arg(long = "app", value_parser = app, required = true)]
    apps: Vec<(String, String)>,
    #[command(flatten)]
    key: tunnel_key::Args,
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
        let expected =
            self.key.now().map_err(|_| Refusal::new(TunnelCode::Internal, "the relay cannot read its key"))?;
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
#[allow(clippy::print_stdout)]
async fn main() -> Result<()> {
    let args = Args::parse();
    let loopback = args.listen.rsplit_once(':').is_some_and(|(host, _)| tunnel_key::is_loopback(host));
    let key = args.key.read(loopback)?;
    key.now().context("no key to compare with")?;
    let tls = match (args.tls_cert, args.tls_key) {
        (Some(cert), Some(key)) => {
            let read =
                |path: &PathBuf| std::fs::read(path).with_context(|| format!("could not read {}", path.display()));
            Some(ServerTls::from_pem(&read(&cert)?, &read(&key)?)?)
        }
        _ => None,
    };
    let relay = Relay::builder().build(Door { key, apps: args.apps.into_iter().collect() }, DirectDialer::new());
    let server = RelayServer::bind(relay, &args.listen, tls).await?;
    // Before the line is out, so that a signal right after it is not lost.
    let stopped = signal::stopped();
    println!("listening {}", server.local_addr()?);
    let grace = Duration::from_secs(args.grace);
    server.run(async { stopped.await.map(|()| grace).unwrap_or(grace) }).await;
    Ok(())
}
