//! The whole way: local socket, tunnel, relay, Teleport proxy, app.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::SecretString;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::{AppDialer, Limits, Route};
use cube_sdk_teleport::tunnel::{
    AppName, Authorizer, Caller, Ending, Refusal, Relay, RelayServer, StreamReport, TunnelCode, TunnelEvent,
};
use cube_sdk_testkit::teleport::{AppKind, AppState, Balancer, BalancerAlpn};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{APP, World, app, noise};

/// Lets everybody reach every app through Teleport.
struct Open;

#[async_trait]
impl Authorizer for Open {
    async fn authenticate(&self, _key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        Ok(Caller::new("anybody"))
    }

    async fn authorize(&self, _caller: &Caller, name: &AppName) -> Result<Route, Refusal> {
        Ok(Route::new(name.clone(), name.as_str()).with(app(name.as_str())))
    }
}

async fn tunnels(dialer: AppDialer) -> Tunnels {
    let server = RelayServer::bind(Relay::builder().build(Open, dialer), "127.0.0.1:0", None).await.unwrap();
    let url = format!("ws://{}", server.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    Tunnels::builder().url(url).key(SecretString::from("k")).build().unwrap()
}

/// An app that greets, then sends back what it hears.
async fn greeting_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                if write.write_all(b"ready").await.is_ok() {
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn bytes_pass_tunnel_balancer_and_proxy() {
    let world = World::bare().await;
    world.cluster.add_app(APP, AppKind::Tcp, greeting_echo().await);
    world.tbot().rotate().await.unwrap();
    let balancer = Balancer::start(&world.proxy, BalancerAlpn::Ignored).await.unwrap();
    let config = world.config_at(balancer.addr()).limits(Limits::default().verdict(Duration::ZERO));
    let tunnels = tunnels(world.dialer_with(config)).await;
    let tunnel = tunnels.open(APP).await.unwrap();
    let local = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    let (mut read, mut write) = local.into_split();
    // The app speaks first: its greeting shows that the stream stands the whole way.
    let mut greeting = [0; 5];
    read.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"ready");
    let (data, mut back) = (noise(3_000_001), vec![0; 3_000_001]);
    let (wrote, got) = tokio::join!(write.write_all(&data), read.read_exact(&mut back));
    wrote.unwrap();
    got.unwrap();
    assert!(back == data);
    assert_eq!(world.proxy.seen().upgrades, 1);
    tunnel.shutdown(Duration::from_secs(1)).await;
}

/// Opens a tunnel to `name` whose one connection must end with `want` and a text that begins with `words`.
async fn refused(tunnels: &Tunnels, name: &str, want: TunnelCode, words: &str) {
    let tunnel = tunnels.open(name).await.unwrap();
    let mut events = tunnel.events();
    let mut local = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    let report: StreamReport = loop {
        if let Some(TunnelEvent::StreamEnded { report }) = events.next().await {
            break report;
        }
    };
    let Ending::Cut { code, message, .. } = report.ending else { panic!("{report:?}") };
    assert_eq!(code, want, "{message}");
    assert!(message.starts_with(words), "{message}");
    assert!(local.read(&mut [0]).await.is_err(), "a refused connection is reset, not ended");
}

#[tokio::test]
async fn a_refusal_reaches_the_agent_with_code_and_fault() {
    let world = World::start().await;
    let tunnels = tunnels(world.dialer()).await;
    world.cluster.set_app(APP, AppState::Denied);
    refused(&tunnels, APP, TunnelCode::RefusedUpstream, "RefusedByTeleport: ").await;
    refused(&tunnels, "ghost", TunnelCode::NoCredential, "AppNotProvisioned: ").await;
}

#[tokio::test]
async fn a_refusal_after_the_dial_reaches_the_agent_too() {
    let world = World::start().await;
    let hasty = world.dialer_with(world.config().limits(Limits::default().verdict(Duration::ZERO)));
    world.cluster.set_app(APP, AppState::Denied);
    refused(&tunnels(hasty).await, APP, TunnelCode::RefusedUpstream, "RefusedByTeleport: ").await;
}
