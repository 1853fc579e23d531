//! The processes that are measured. Each prints `listening ADDR` and runs until it is killed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cube_sdk_core::SecretString;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::{DirectDialer, Route};
use cube_sdk_teleport::tunnel::{AppName, Authorizer, Caller, Protocol, Refusal, Relay, RelayServer};
use tokio::net::{TcpListener, TcpStream};

#[allow(clippy::print_stdout)]
fn announce(address: SocketAddr) {
    println!("listening {address}");
}

/// One hop of the yardstick: `copy_bidirectional` with its default buffers.
pub(crate) async fn proxy(target: &str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    loop {
        let (mut near, _) = listener.accept().await?;
        let target = target.to_owned();
        tokio::spawn(async move {
            near.set_nodelay(true).ok();
            let Ok(mut far) = TcpStream::connect(target).await else { return };
            far.set_nodelay(true).ok();
            tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
        });
    }
}

struct Open(String);

#[async_trait]
impl Authorizer for Open {
    async fn authenticate(&self, _key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        Ok(Caller::new("bench"))
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        Ok(Route::new(app.clone(), self.0.clone()))
    }
}

pub(crate) async fn relay(target: &str) -> Result<()> {
    let relay = Relay::builder().build(Open(target.to_owned()), DirectDialer::new());
    let server = RelayServer::bind(relay, "127.0.0.1:0", None).await?;
    announce(server.local_addr()?);
    server.run(std::future::pending::<Duration>()).await;
    Ok(())
}

pub(crate) async fn agent(url: &str, protocol: &str) -> Result<()> {
    let protocol = if protocol == "1" { Protocol::V1 } else { Protocol::V2 };
    let tunnels = Tunnels::builder().url(url.parse()?).key(SecretString::from("bench")).protocol(protocol).build()?;
    let tunnel = tunnels.open("bench").await?;
    announce(tunnel.local_addr());
    tunnel.closed().await;
    Ok(())
}
