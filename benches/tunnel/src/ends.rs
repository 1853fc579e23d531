//! Our processes that are measured. Each prints `listening ADDR` and runs until it is killed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use async_trait::async_trait;
use cube_sdk_core::SecretString;
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::{DirectDialer, Route};
use cube_sdk_teleport::tunnel::{AppName, Authorizer, Caller, Protocol, Refusal, Relay, RelayServer, ServerTls};
use tokio::net::{TcpListener, TcpStream};

/// The app that every relay here knows.
pub const APP: &str = "bench";

/// The one key.
pub const KEY: &str = "bench";

#[allow(clippy::print_stdout)]
pub(crate) fn announce(address: SocketAddr) {
    println!("listening {address}");
}

/// What `copy_bidirectional` takes by itself, in KiB.
pub const PROXY_KIB: usize = 8;

/// Takes connections for ever and copies each to `target` and back, with buffers of `size` bytes.
///
/// # Errors
/// When the listener fails.
pub async fn copy_each(listener: TcpListener, target: String, size: usize) -> Result<()> {
    loop {
        let (mut near, _) = listener.accept().await?;
        let target = target.clone();
        tokio::spawn(async move {
            near.set_nodelay(true).ok();
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            far.set_nodelay(true).ok();
            tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, size, size).await.ok();
        });
    }
}

/// One hop of a yardstick, with buffers of so many KiB.
///
/// # Errors
/// When no port can be bound.
pub async fn proxy(target: &str, kib: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    copy_each(listener, target.to_owned(), kib * 1024).await
}

/// What an agent costs at least: one hop that reads as much at once as our agent does and frames nothing.
///
/// # Errors
/// When no port can be bound.
pub async fn null(target: &str) -> Result<()> {
    proxy(target, 128).await
}

/// Lets everybody reach one target.
pub struct Open(String);

impl Open {
    /// Leads every app to `target`.
    pub fn to(target: impl Into<String>) -> Self {
        Self(target.into())
    }
}

#[async_trait]
impl Authorizer for Open {
    async fn authenticate(&self, _key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        Ok(Caller::new("bench"))
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        Ok(Route::new(app.clone(), self.0.clone()))
    }
}

/// Our relay; with the files of a certificate chain and its key over TLS.
///
/// # Errors
/// When the files cannot be read or no port can be bound.
pub async fn relay(target: &str, tls: &[&str]) -> Result<()> {
    let tls = match tls {
        [] => None,
        [chain, key] => Some(ServerTls::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?),
        other => bail!("a chain and a key are wanted, not {other:?}"),
    };
    let relay = Relay::builder().build(Open::to(target), DirectDialer::new());
    let server = RelayServer::bind(relay, "127.0.0.1:0", tls).await?;
    announce(server.local_addr()?);
    server.run(std::future::pending::<Duration>()).await;
    Ok(())
}

/// Our agent; `protocol` is `1` or `2`, `ca` at most one file.
///
/// # Errors
/// When the relay cannot be reached.
pub async fn agent(url: &str, protocol: &str, ca: &[&str]) -> Result<()> {
    let protocol = if protocol == "1" { Protocol::V1 } else { Protocol::V2 };
    let mut builder = Tunnels::builder().url(url.parse()?).key(SecretString::from(KEY)).protocol(protocol);
    if let [file] = ca {
        builder = builder.extra_ca(RootCertificates::from_file(file.as_ref())?);
    }
    let tunnel = builder.build()?.open(APP).await?;
    announce(tunnel.local_addr());
    tunnel.closed().await;
    Ok(())
}
