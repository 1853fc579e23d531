//! A tunnel through everything that happens to its connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk_core::{Result, SecretString};
use cube_sdk_teleport::tunnel::{Ending, Protocol, RelayEvent, TunnelCode, TunnelEvent, TunnelState, Version};
use cube_sdk_teleport::{KeySource, ProxySetting, Tunnels};
use futures_util::{SinkExt as _, StreamExt as _};
use support::{Hop, KEY, World, bytes, eventually, exchange};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

fn through(hop: &Hop, protocol: Protocol) -> Tunnels {
    let url = format!("ws://{}", hop.addr).parse().unwrap();
    Tunnels::builder().url(url).key(SecretString::from(KEY)).protocol(protocol).build().unwrap()
}

#[tokio::test]
async fn a_lost_connection_is_replaced_for_new_streams_only() {
    let world = World::start().await;
    let hop = Hop::to(world.addr).await;
    for protocol in [Protocol::V1, Protocol::V2] {
        let tunnels = through(&hop, protocol);
        let tunnel = tunnels.open("echo").await.unwrap();
        let mut old = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        old.write_all(b"x").await.unwrap();
        let mut byte = [0];
        old.read_exact(&mut byte).await.unwrap();
        let mut events = tunnel.events();
        hop.cut();
        assert!(old.read(&mut byte).await.is_err(), "an established stream ends with a reset");
        let ended = loop {
            match events.next().await.unwrap() {
                TunnelEvent::StreamEnded { report } => break report,
                _ => continue,
            }
        };
        assert!(matches!(ended.ending, Ending::Cut { code: TunnelCode::ConnectionLost, .. }));
        let new = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        if protocol == Protocol::V2 {
            assert_eq!(exchange(new, b"again".to_vec()).await.unwrap(), b"again");
        }
        eventually("it is connected", || matches!(tunnel.state(), TunnelState::Connected { .. })).await;
        tunnel.shutdown(Duration::ZERO).await;
    }
}

struct Rotating(AtomicU64);

#[async_trait]
impl KeySource for Rotating {
    async fn key(&self) -> Result<SecretString> {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(SecretString::from(if first { KEY } else { "k-revoked" }))
    }
}

#[tokio::test]
async fn a_key_that_is_refused_later_fails_the_tunnel() {
    let world = World::start().await;
    let hop = Hop::to(world.addr).await;
    let url = format!("ws://{}", hop.addr).parse().unwrap();
    let tunnels = Tunnels::builder().url(url).key_source(Rotating(AtomicU64::new(0))).build().unwrap();
    let tunnel = tunnels.open("echo").await.unwrap();
    hop.cut();
    match tunnel.closed().await {
        TunnelState::Failed(fault) => assert_eq!(fault.code, TunnelCode::BadKey),
        other => panic!("{other:?}"),
    }
    assert!(TcpStream::connect(tunnel.local_addr()).await.is_err(), "the listener is closed");
    assert!(tunnels.list().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn local_connections_wait_for_the_relay_and_are_reset_after_fifteen_seconds() {
    let mut world = World::start().await;
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("echo").await.unwrap();
    world.stop_server(Duration::ZERO);
    eventually("the relay is away", || matches!(tunnel.state(), TunnelState::Reconnecting { .. })).await;
    let started = tokio::time::Instant::now();
    let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    let mut byte = [0];
    assert!(stream.read(&mut byte).await.is_err());
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(14) && waited <= Duration::from_secs(16), "{waited:?}");
    assert!(!tunnel.shutdown(Duration::ZERO).await.aborted);
}

#[tokio::test]
async fn a_drained_relay_lets_streams_end_and_refuses_new_connections() {
    let mut world = World::start().await;
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("echo").await.unwrap();
    let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    stream.write_all(b"before").await.unwrap();
    let mut got = [0; 6];
    stream.read_exact(&mut got).await.unwrap();
    world.stop_server(Duration::from_secs(20));
    eventually("the agent looks elsewhere", || matches!(tunnel.state(), TunnelState::Reconnecting { .. })).await;
    // The open stream goes on, and its end ends the drain long before the grace.
    let after = exchange(stream, b"after".to_vec()).await;
    assert_eq!(after.unwrap_or_else(|error| panic!("{error} {:?}", world.log())), b"after");
    eventually("the relay is done", || world.server.is_finished()).await;
    let ends = world.log().into_iter().filter_map(|event| match event {
        RelayEvent::Disconnected { end, .. } => end.code,
        _ => None,
    });
    assert!(ends.into_iter().all(|code| code == 1000 || code == 1001));
}

#[tokio::test]
async fn two_hundred_streams_with_cut_connections_lose_nothing_silently() {
    let world = World::start().await;
    let baseline = Handle::current().metrics().num_alive_tasks();
    {
        let hop = Hop::to(world.addr).await;
        let tunnels = through(&hop, Protocol::V2);
        let tunnel = tunnels.open("echo").await.unwrap();
        let mut events = tunnel.events();
        let address = tunnel.local_addr();
        let mut tasks = tokio::task::JoinSet::new();
        let (completed, broken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for seed in 0..200u64 {
            let (completed, broken) = (Arc::clone(&completed), Arc::clone(&broken));
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(seed / 2)).await;
                let sent = bytes(seed, (seed * seed * 7) as usize % 180_000);
                let Ok(stream) = TcpStream::connect(address).await else {
                    broken.fetch_add(1, Ordering::Relaxed);
                    return;
                };
                match exchange(stream, sent.clone()).await {
                    Ok(got) => {
                        assert!(got == sent, "stream {seed}: {} of {} bytes looked complete", got.len(), sent.len());
                        completed.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {
                        broken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            hop.cut();
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let (completed, broken) = (completed.load(Ordering::Relaxed), broken.load(Ordering::Relaxed));
        assert_eq!(completed + broken, 200);
        // On a slow machine every one of them may have met a cut. What comes after goes through; the first may still meet
        // the connection whose end is not known yet.
        let mut tries = 0;
        while exchange(TcpStream::connect(address).await.unwrap(), b"after".to_vec()).await.is_err() {
            tries += 1;
            assert!(tries < 20, "nothing goes through after the cuts");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        eventually("all streams end", || tunnel.traffic().streams == 0 && world.relay.traffic().streams == 0).await;
        eventually("nothing is queued", || tunnel.traffic().queued + world.relay.traffic().queued == 0).await;
        let opened = tunnel.traffic().opened;
        tunnel.shutdown(Duration::from_millis(100)).await;
        let mut ended = 0;
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(50), events.next()).await {
            match event {
                TunnelEvent::StreamEnded { .. } => ended += 1,
                TunnelEvent::Missed(count) => panic!("{count} events missed"),
                _ => {}
            }
        }
        assert_eq!(ended, opened, "every stream has its report");
    }
    eventually("connections are gone", || world.relay.connections() == 0).await;
    eventually("tasks are gone", || Handle::current().metrics().num_alive_tasks() <= baseline).await;
    let log = world.log();
    let opened = log.iter().filter(|event| matches!(event, RelayEvent::StreamOpened { .. })).count();
    let ended = log.iter().filter(|event| matches!(event, RelayEvent::StreamEnded { .. })).count();
    assert!(ended >= opened, "every stream of the relay has its report: {ended} of {opened}");
}

/// A version-1 relay that nobody of ours wrote: another WebSocket library, the key in the URL only.
async fn published_style(listener: TcpListener, lazy: bool) {
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut token = false;
            #[allow(clippy::result_large_err)]
            let check = |request: &Request, response: Response| {
                token = request.uri().query().is_some_and(|query| query.starts_with("token="));
                if token || lazy {
                    return Ok(response);
                }
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
                Err(refusal)
            };
            let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(tcp, check).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if !token {
                    socket.close(None).await.ok();
                    return;
                }
                let Message::Binary(bytes) = message else { continue };
                let mut answer = bytes.to_vec();
                match bytes[0] {
                    1 => {
                        answer.truncate(5);
                        answer[0] = 5;
                    }
                    2 => {}
                    _ => continue,
                }
                socket.send(Message::Binary(answer.into())).await.ok();
            }
        });
    }
}

#[tokio::test]
async fn a_relay_that_knows_version_1_only_is_met_with_version_1() {
    for lazy in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: url::Url = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        let relay = tokio::spawn(published_style(listener, lazy));
        let tunnels = Tunnels::builder().url(url.clone()).key(SecretString::from(KEY)).build().unwrap();
        let tunnel = tunnels.open("anything").await.unwrap();
        assert_eq!(tunnel.state(), TunnelState::Connected { version: Version::V1 });
        // With the lazy relay the first connection dies at the first CONNECT; the local socket is not lost.
        let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        stream.write_all(b"through").await.unwrap();
        let mut got = [0; 7];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"through");
        tunnel.shutdown(Duration::ZERO).await;
        let forced = Tunnels::builder().url(url).key(SecretString::from(KEY)).protocol(Protocol::V2).build().unwrap();
        assert!(forced.open("anything").await.is_err(), "a forced version 2 never falls back");
        relay.abort();
    }
}

#[tokio::test]
async fn an_http_proxy_is_passed_with_connect() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = world.addr;
    let seen = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(near.read_u8().await.unwrap());
        }
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let mut far = TcpStream::connect(target).await.unwrap();
        let copy = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await.ok() });
        (String::from_utf8(head).unwrap(), copy)
    });
    let proxy = ProxySetting::Fixed { url: format!("http://u:p@{address}").parse().unwrap(), no_proxy: String::new() };
    let tunnels = Tunnels::builder().url(world.url()).key(SecretString::from(KEY)).proxy(proxy).build().unwrap();
    let tunnel = tunnels.open("echo").await.unwrap();
    let (head, copy) = seen.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
    assert!(head.to_lowercase().contains("proxy-authorization: basic ") && head.contains("dTpw"), "{head}");
    let stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    assert_eq!(exchange(stream, b"hi".to_vec()).await.unwrap(), b"hi");
    tunnel.shutdown(Duration::ZERO).await;
    copy.abort();
}
