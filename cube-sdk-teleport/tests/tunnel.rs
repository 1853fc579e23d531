//! Both ends of a tunnel over loopback: bytes, ends, refusals, stops.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_teleport::tunnel::{Ending, Party, Protocol, Relay, TunnelCode, TunnelEvent, TunnelState, Version};
use cube_sdk_teleport::{TunnelErrorExt as _, Tunnels};
use futures_util::StreamExt as _;
use support::{World, bytes, eventually, exchange};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn bytes_come_back_in_version_2_with_half_close() {
    let world = World::start().await;
    let tunnels = world.tunnels(Protocol::Auto);
    let tunnel = tunnels.open("echo").await.unwrap();
    assert_eq!(tunnel.state(), TunnelState::Connected { version: Version::V2 });
    for (seed, len) in [(1, 0), (2, 1), (3, 70_000), (4, 5_000_000)] {
        let sent = bytes(seed, len);
        let stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        assert_eq!(exchange(stream, sent.clone()).await.unwrap(), sent);
    }
    eventually("streams end", || tunnel.traffic().streams == 0 && world.relay.traffic().streams == 0).await;
    assert_eq!(tunnel.traffic().sent, 5_070_001);
    assert_eq!(tunnel.traffic().received, 5_070_001);
    assert!(tunnel.traffic().round_trip.is_some());
    let report = tunnel.shutdown(Duration::from_secs(1)).await;
    assert!(!report.aborted);
    assert_eq!(tunnel.state(), TunnelState::Stopped);
}

#[tokio::test]
async fn bytes_come_back_in_version_1() {
    let world = World::start().await;
    let tunnels = world.tunnels(Protocol::V1);
    let tunnel = tunnels.open("echo").await.unwrap();
    assert_eq!(tunnel.state(), TunnelState::Connected { version: Version::V1 });
    let sent = bytes(9, 3_000_000);
    let (mut read, mut write) = TcpStream::connect(tunnel.local_addr()).await.unwrap().into_split();
    let copy = sent.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&copy).await.unwrap();
        write
    });
    let mut got = vec![0; sent.len()];
    read.read_exact(&mut got).await.unwrap();
    assert!(got == sent);
    drop(writer.await.unwrap());
    drop(read);
    eventually("streams end", || world.relay.traffic().streams == 0).await;
    assert!(!tunnel.shutdown(Duration::from_secs(1)).await.aborted);
}

#[tokio::test]
async fn early_bytes_and_early_ends_survive_the_dial() {
    let world = World::start().await;
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("echo").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..50 {
        let address = tunnel.local_addr();
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let sent = bytes(seed, 100);
            // Everything, and the end, before the relay can have answered.
            stream.write_all(&sent).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, sent);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_refused_stream_is_reset_and_says_why() {
    let world = World::start().await;
    for (protocol, app, code) in
        [(Protocol::V2, "nowhere", TunnelCode::UnknownApp), (Protocol::V1, "forbidden", TunnelCode::Forbidden)]
    {
        let tunnels = world.tunnels(protocol);
        let tunnel = tunnels.open(app).await.unwrap();
        let mut events = tunnel.events();
        let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        let mut byte = [0];
        let outcome = stream.read(&mut byte).await;
        assert_eq!(outcome.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        let report = loop {
            match events.next().await.unwrap() {
                TunnelEvent::StreamEnded { report } => break report,
                _ => continue,
            }
        };
        assert!(matches!(report.ending, Ending::Cut { by: Party::Remote, code: c, .. } if c == code), "{report:?}");
    }
}

#[tokio::test]
async fn the_registry_runs_each_app_once() {
    let world = World::start().await;
    let tunnels = world.tunnels(Protocol::Auto);
    let first = tunnels.open("echo").await.unwrap();
    let second = tunnels.open("echo").bind("127.0.0.1:1").await.unwrap();
    assert_eq!(first.local_addr(), second.local_addr());
    let other = tunnels.open("other").await.unwrap();
    assert_eq!(tunnels.list().await.len(), 2);
    let missing = tunnels.stop("nope").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.to_string().contains("running: echo, other"), "{missing}");
    tunnels.stop("echo").await.unwrap();
    assert_eq!(first.state(), TunnelState::Stopped);
    assert!(TcpStream::connect(first.local_addr()).await.is_err(), "the listener is closed");
    let stopped = tunnels.stop_all().await;
    assert_eq!(stopped.iter().map(|(app, _)| app.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!(other.state(), TunnelState::Stopped);
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = tunnels.open("echo").bind(taken.local_addr().unwrap().to_string()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    eventually("no connection is left", || world.relay.connections() == 0).await;
}

#[tokio::test]
async fn a_stop_waits_for_streams_and_then_cuts_them() {
    let world = World::start().await;
    for protocol in [Protocol::V1, Protocol::V2] {
        let tunnels = world.tunnels(protocol);
        let tunnel = tunnels.open("echo").await.unwrap();
        let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        let started = std::time::Instant::now();
        let report = tunnel.shutdown(Duration::from_millis(50)).await;
        assert!(started.elapsed() < Duration::from_secs(20), "a stop that was given 50 ms");
        assert_eq!((report.cut, report.aborted), (1, false));
        assert!(stream.read(&mut byte).await.is_err(), "a cut stream does not look complete");
    }
    eventually("the relay has nothing left", || world.relay.traffic().streams == 0).await;
}

#[tokio::test]
async fn no_grace_and_no_limit_is_too_long() {
    let endless = Duration::MAX;
    for protocol in [Protocol::V1, Protocol::V2] {
        let world = World::with(Relay::builder().dial_limit(endless).idle_limit(endless)).await;
        let tunnel = world.tunnels(protocol).open("echo").await.unwrap();
        let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        drop(stream);
        let report = tunnel.shutdown(endless).await;
        assert!(!report.aborted);
        // What the relay announces is what a frame can hold; the agent's own clock must take that too.
        let tunnel = world.tunnels(protocol).open("echo").await.unwrap();
        assert_eq!(world.relay.drain(endless).await.left, 0);
        tunnel.shutdown(endless).await;
    }
}

#[tokio::test]
async fn wrong_keys_and_dead_relays_fail_at_once() {
    let world = World::start().await;
    let with = |url: url::Url, key: &str| Tunnels::builder().url(url).key(SecretString::from(key)).build().unwrap();
    let error = with(world.url(), "wrong").open("echo").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.tunnel().unwrap().code, TunnelCode::BadKey);
    assert!(!error.to_string().contains("wrong"), "{error}");
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap()
    };
    let error = with(nobody, "k").open("echo").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
