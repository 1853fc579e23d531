//! Agent, a line that can be killed, relay and app, all in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cube_sdk_core::SecretString;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::DirectDialer;
use cube_sdk_teleport::tunnel::{Protocol, Relay, RelayServer, Tunnel};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::app::App;
use crate::ends::{APP, KEY, Open};

pub(super) struct World {
    pub(super) tunnel: Tunnel,
    pub(super) relay: Relay,
    pub(super) line: Line,
    pub(super) app: App,
    stop: Option<oneshot::Sender<Duration>>,
    server: JoinHandle<()>,
}

impl World {
    pub(super) async fn start(protocol: Protocol) -> Result<Self> {
        let app = App::start().await?;
        let relay = Relay::builder().build(Open::to(app.address.to_string()), DirectDialer::new());
        let server = RelayServer::bind(relay.clone(), "127.0.0.1:0", None).await?;
        let line = Line::to(server.local_addr()?).await?;
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            server.run(async { stopped.await.unwrap_or_default() }).await;
        });
        let url = format!("ws://{}", line.address).parse()?;
        let builder = Tunnels::builder().url(url).key(SecretString::from(KEY)).protocol(protocol);
        let tunnel = builder.build()?.open(APP).await?;
        Ok(Self { tunnel, relay, line, app, stop: Some(stop), server })
    }

    pub(super) async fn stop_relay(&mut self) -> Result<()> {
        let Some(stop) = self.stop.take() else { return Ok(()) };
        stop.send(Duration::from_secs(1)).ok().context("the relay has ended before")?;
        tokio::time::timeout(Duration::from_secs(6), &mut self.server).await.context("the relay does not stop")??;
        Ok(())
    }

    /// Lets go of everything.
    pub(super) async fn end(mut self) {
        self.tunnel.shutdown(Duration::ZERO).await;
        self.stop_relay().await.ok();
    }
}

/// How a connection is killed: with a reset, or with an end of file in the middle of a frame.
#[derive(Clone, Copy)]
struct Kill {
    reset: bool,
}

/// A hop whose connections can be killed.
pub(super) struct Line {
    address: SocketAddr,
    kills: broadcast::Sender<Kill>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (kills, _) = broadcast::channel(16);
        let own = Arc::new(kills.clone());
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((near, _)) = accepted else { continue };
                        tasks.spawn(carry(near, target, own.subscribe()));
                    }
                    Some(_) = tasks.join_next() => {}
                }
            }
        });
        Ok(Self { address, kills, task })
    }

    pub(super) fn kill(&self, reset: bool) {
        // Nobody listens while no connection stands.
        self.kills.send(Kill { reset }).ok();
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, mut kills: broadcast::Receiver<Kill>) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    let killed = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => None,
        kill = kills.recv() => kill.ok(),
    };
    if killed.is_some_and(|kill| kill.reset) {
        near.set_zero_linger().ok();
        far.set_zero_linger().ok();
    }
}
