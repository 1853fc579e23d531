//! Connections that show no key: they leave room for those who do. Names with a dead address: the others serve.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use cube_sdk_core::SecretString;
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::DirectDialer;
use cube_sdk_teleport::tunnel::{Relay, RelayEvent, RelayServer};
use futures_util::StreamExt as _;
use support::{Door, KEY, World, bytes, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_hundred_idle_connections_hold_up_nobody_who_has_a_key() {
    let mut world = World::start().await;
    let echo = world.app(support::echo).await;
    let door = Door::default();
    door.apps.lock().unwrap().insert("echo".to_owned(), echo.to_string());
    let relay = Relay::builder().build(door, DirectDialer::new());
    let mut events = relay.events();
    let server = RelayServer::bind(relay.clone(), "127.0.0.1:0", None).await.unwrap().before_key(20);
    let addr = server.local_addr().unwrap();
    let server = tokio::spawn(server.run(std::future::pending::<Duration>()));

    let mut idle = JoinSet::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        idle.spawn(async move { stream.read(&mut [0]).await });
    }
    let mut sent_away = 0;
    while sent_away < 80 {
        if let Some(RelayEvent::HandshakeFailed { reason, .. }) = events.next().await {
            assert!(reason.contains("no key yet"), "{reason}");
            sent_away += 1;
        }
    }
    while sent_away > 0 {
        idle.join_next().await.unwrap().unwrap().ok();
        sent_away -= 1;
    }
    assert_eq!(idle.len(), 20, "those who came last are still there");
    let url = format!("ws://{addr}").parse().unwrap();
    let tunnels = Tunnels::builder().url(url).key(SecretString::from(KEY)).build().unwrap();
    let tunnel = tunnels.open("echo").await.unwrap();
    let mut streams = Vec::new();
    for seed in 0..50 {
        let mut stream = tunnel.connect().await.unwrap();
        let (sent, mut back) = (bytes(seed, 100), [0; 100]);
        stream.write_all(&sent).await.unwrap();
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(sent, back);
        streams.push(stream);
    }
    // Whoever shows a key is out of the lobby: more idle ones send nobody of them away.
    for _ in 0..40 {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        idle.spawn(async move { stream.read(&mut [0]).await });
    }
    eventually("the idle ones make room", || {
        while idle.try_join_next().is_some() {}
        idle.len() == 20
    })
    .await;
    streams[0].write_all(b"x").await.unwrap();
    streams[0].read_exact(&mut [0]).await.unwrap();
    assert_eq!(relay.connections(), 1);
    server.abort();
}

/// An address of a name that takes no connection and refuses none: its backlog is full.
fn dead(address: SocketAddr) -> Option<(socket2::Socket, Vec<std::net::TcpStream>)> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).ok()?;
    socket.bind(&address.into()).ok()?;
    socket.listen(0).ok()?;
    let mut filling = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        filling.push(stream);
    }
    Some((socket, filling))
}

/// `localhost` has two addresses on most machines, and the one that is asked first is dead.
#[tokio::test]
async fn a_dead_address_of_a_name_is_passed_by_agent_and_dialers() {
    let known: Vec<_> = tokio::net::lookup_host(("localhost", 1)).await.unwrap().collect();
    if !(known.iter().any(SocketAddr::is_ipv6) && known.iter().any(SocketAddr::is_ipv4)) {
        return;
    }
    let world = World::start().await;
    let relay = world.addr.port();
    let Some(_dead) = dead(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, relay))) else { return };
    let echo: SocketAddr = world.door.apps.lock().unwrap()["echo"].parse().unwrap();
    let Some(_dead_too) = dead(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, echo.port()))) else { return };
    world.door.apps.lock().unwrap().insert("by-name".to_owned(), format!("localhost:{}", echo.port()));

    let url = format!("ws://localhost:{relay}").parse().unwrap();
    let tunnels = Tunnels::builder().url(url).key(SecretString::from(KEY)).build().unwrap();
    let soon = tokio::time::timeout(Duration::from_secs(30), async {
        let mut stream = tunnels.open("by-name").await.unwrap().connect().await.unwrap();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
    });
    soon.await.expect("one dead address takes the time of all");
}
