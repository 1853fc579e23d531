//! A relay on loopback with apps behind it, and an agent in front.

#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod fake;
pub mod raw;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::SecretString;
use cube_sdk_core::secret::ExposeSecret as _;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::{DirectDialer, Route};
use cube_sdk_teleport::tunnel::{
    AppName, Authorizer, Caller, Protocol, Refusal, Relay, RelayBuilder, RelayEvent, RelayServer, TunnelCode,
};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

pub const KEY: &str = "k-good+/&x";

/// Keys and apps.
#[derive(Clone, Default)]
pub struct Door {
    pub apps: Arc<Mutex<HashMap<String, String>>>,
    pub revoked: Arc<Notify>,
}

#[async_trait]
impl Authorizer for Door {
    async fn authenticate(&self, key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        match key.expose_secret() {
            KEY => Ok(Caller::new("good")),
            "k-revoked" => Err(Refusal::new(TunnelCode::BadKey, "the key was revoked")),
            "k-expired" => Err(Refusal::new(TunnelCode::BadKey, "the key has expired")),
            "k-forbidden" => Err(Refusal::new(TunnelCode::Forbidden, "the key may not open tunnels")),
            _ => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")),
        }
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        if app.as_str() == "forbidden" {
            return Err(Refusal::new(TunnelCode::Forbidden, "not this one"));
        }
        match self.apps.lock().unwrap().get(app.as_str()) {
            Some(target) => Ok(Route::new(app.clone(), target.clone())),
            None => Err(Refusal::new(TunnelCode::UnknownApp, format!("no app `{app}`"))),
        }
    }

    async fn revoked(&self, _caller: &Caller) {
        self.revoked.notified().await;
    }
}

/// A running relay.
pub struct World {
    pub relay: Relay,
    pub addr: SocketAddr,
    pub door: Door,
    stop: Option<oneshot::Sender<Duration>>,
    pub server: JoinHandle<()>,
    pub events: Arc<Mutex<Vec<RelayEvent>>>,
    watcher: JoinHandle<()>,
    apps: Vec<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
        self.watcher.abort();
        for app in &self.apps {
            app.abort();
        }
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(Relay::builder()).await
    }

    pub async fn with(builder: RelayBuilder) -> Self {
        let door = Door::default();
        let relay = builder.build(door.clone(), DirectDialer::new());
        let mut stream = relay.events();
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let watcher = tokio::spawn(async move {
            while let Some(event) = stream.next().await {
                log.lock().unwrap().push(event);
            }
        });
        let server = RelayServer::bind(relay.clone(), "127.0.0.1:0", None).await.unwrap();
        let addr = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            server.run(async { stopped.await.unwrap_or(Duration::ZERO) }).await;
        });
        let mut world = Self { relay, addr, door, stop: Some(stop), server, events, watcher, apps: Vec::new() };
        let echo = world.app(echo).await;
        world.name("echo", echo);
        world
    }

    pub fn name(&self, app: &str, addr: SocketAddr) {
        self.door.apps.lock().unwrap().insert(app.to_owned(), addr.to_string());
    }

    /// Serves an app with a function per connection.
    pub async fn app<F, Fut>(&mut self, serve: F) -> SocketAddr
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        self.apps.push(tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        if let Ok((stream, _)) = accepted { tasks.spawn(serve(stream)); }
                    }
                    Some(_) = tasks.join_next() => {}
                }
            }
        }));
        addr
    }

    pub fn url(&self) -> url::Url {
        format!("ws://{}", self.addr).parse().unwrap()
    }

    pub fn tunnels(&self, protocol: Protocol) -> Tunnels {
        Tunnels::builder().url(self.url()).key(SecretString::from(KEY)).protocol(protocol).build().unwrap()
    }

    pub fn stop_server(&mut self, grace: Duration) {
        if let Some(stop) = self.stop.take() {
            stop.send(grace).ok();
        }
    }

    pub fn log(&self) -> Vec<RelayEvent> {
        self.events.lock().unwrap().clone()
    }
}

/// Sends everything back, then ends its direction.
pub async fn echo(mut stream: TcpStream) {
    let (mut read, mut write) = stream.split();
    if tokio::io::copy(&mut read, &mut write).await.is_ok() {
        write.shutdown().await.ok();
    }
}

/// `S`: gives bytes for ever; `E`: echoes.
pub async fn source(mut stream: TcpStream) {
    match stream.read_u8().await {
        Ok(b'S') => {
            let bytes = vec![3; 64 * 1024];
            while stream.write_all(&bytes).await.is_ok() {}
        }
        Ok(_) => echo(stream).await,
        Err(_) => {}
    }
}

/// A TCP hop that can be cut.
pub struct Hop {
    pub addr: SocketAddr,
    cut: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Hop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hop {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let cut = Arc::new(Notify::new());
        let own = Arc::clone(&cut);
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (mut near, _) = accepted.unwrap();
                        let cut = Arc::clone(&own);
                        tasks.spawn(async move {
                            let Ok(mut far) = TcpStream::connect(target).await else { return };
                            tokio::select! {
                                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                                () = cut.notified() => {
                                    near.set_zero_linger().ok();
                                    far.set_zero_linger().ok();
                                }
                            }
                        });
                    }
                    Some(_) = tasks.join_next() => {}
                }
            }
        });
        Self { addr, cut, task }
    }

    pub fn cut(&self) {
        self.cut.notify_waiters();
    }
}

/// Repeatable bytes.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Writes and reads at once, until the peer ends; gives what was read.
pub async fn exchange(stream: TcpStream, send: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let (mut read, mut write) = stream.into_split();
    let writer = tokio::spawn(async move {
        write.write_all(&send).await?;
        write.shutdown().await?;
        Ok::<_, std::io::Error>(write)
    });
    let mut got = Vec::new();
    let outcome = read.read_to_end(&mut got).await;
    let written = writer.await.unwrap();
    outcome?;
    written?;
    Ok(got)
}

/// Waits until a condition holds; for at most 5 s.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 5 s: {what}");
}
