//! Streams of a tunnel within the process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_core::ErrorKind;
use cube_sdk_teleport::TunnelErrorExt as _;
use cube_sdk_teleport::tunnel::{Protocol, TunnelCode, TunnelState};
use support::{World, bytes, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn bytes_go_both_ways_and_one_direction_ends_alone() {
    let mut world = World::start().await;
    // Says nothing until the other direction has ended.
    let counter = world
        .app(|mut stream| async move {
            let mut heard = Vec::new();
            if stream.read_to_end(&mut heard).await.is_ok() {
                stream.write_all(heard.len().to_string().as_bytes()).await.ok();
            }
        })
        .await;
    world.name("counter", counter);
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("counter").await.unwrap();
    for (seed, length) in [(1, 0), (2, 10), (3, 1_000_000)] {
        let mut stream = tunnel.connect().await.unwrap();
        stream.write_all(&bytes(seed, length)).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, length.to_string());
    }
    let echo = tunnels.open("echo").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..20 {
        let echo = echo.clone();
        tasks.spawn(async move {
            let (mut read, mut write) = tokio::io::split(echo.connect().await.unwrap());
            let sent = bytes(seed, 300_000);
            let copy = sent.clone();
            let writer = tokio::spawn(async move {
                write.write_all(&copy).await.unwrap();
                write.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            writer.await.unwrap();
            assert!(got == sent, "stream {seed}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    eventually("all streams end", || echo.traffic().streams + tunnel.traffic().streams == 0).await;
    assert_eq!((echo.traffic().opened, world.relay.traffic().streams), (20, 0));
}

#[tokio::test]
async fn version_1_carries_them_too() {
    let world = World::start().await;
    let tunnel = world.tunnels(Protocol::V1).open("echo").await.unwrap();
    let mut stream = tunnel.connect().await.unwrap();
    let sent = bytes(4, 500_000);
    let mut got = vec![0; sent.len()];
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let (wrote, read) = tokio::join!(write.write_all(&sent), read.read_exact(&mut got));
    wrote.unwrap();
    read.unwrap();
    assert!(got == sent);
    drop(stream);
    eventually("the stream ends", || world.relay.traffic().streams == 0).await;
}

#[tokio::test]
async fn a_refusal_is_the_error_of_the_call() {
    let world = World::start().await;
    for protocol in [Protocol::V1, Protocol::V2] {
        for (app, code, kind) in [
            ("nowhere", TunnelCode::UnknownApp, ErrorKind::NotFound),
            ("forbidden", TunnelCode::Forbidden, ErrorKind::PermissionDenied),
        ] {
            let error = world.tunnels(protocol).open(app).await.unwrap().connect().await.unwrap_err();
            assert_eq!((error.tunnel().unwrap().code, error.kind()), (code, kind), "{error}");
            assert!(error.target().is_some_and(|target| target.contains(app)), "{error}");
        }
    }
}

#[tokio::test]
async fn a_cut_stream_never_looks_complete() {
    let world = World::start().await;
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    let mut stream = tunnel.connect().await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    world.door.revoked.notify_waiters();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(error.tunnel().unwrap().code, TunnelCode::Expired, "{error}");
    assert!(stream.write_all(&[0; 200_000]).await.is_err());
    // And when all of it goes at once.
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    let mut stream = tunnel.connect().await.unwrap();
    tunnel.abort();
    assert!(stream.read(&mut [0]).await.is_err());
}

#[tokio::test]
async fn a_tunnel_that_is_over_gives_none() {
    let world = World::start().await;
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    tunnel.shutdown(Duration::ZERO).await;
    assert_eq!(tunnel.state(), TunnelState::Stopped);
    let error = tunnel.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("stopped"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn while_the_relay_is_away_it_waits_for_fifteen_seconds() {
    let mut world = World::start().await;
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    world.stop_server(Duration::ZERO);
    eventually("the relay is away", || matches!(tunnel.state(), TunnelState::Reconnecting { .. })).await;
    let started = tokio::time::Instant::now();
    let error = tunnel.connect().await.unwrap_err();
    assert_eq!(error.tunnel().unwrap().code, TunnelCode::ConnectionLost);
    assert!(started.elapsed() >= Duration::from_secs(14) && started.elapsed() < Duration::from_secs(17));
    // Who does not wait any more leaves nothing behind.
    assert!(tokio::time::timeout(Duration::from_secs(1), tunnel.connect()).await.is_err());
    assert!(!tunnel.shutdown(Duration::ZERO).await.aborted);
}

/// hyper over a stream of a tunnel.
#[tokio::test]
async fn http_runs_over_one() {
    let mut world = World::start().await;
    let app = axum::Router::new().route("/", axum::routing::get(|| async { "hello" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    world.name("web", addr);
    let _ = &mut world;
    let tunnel = world.tunnels(Protocol::Auto).open("web").await.unwrap();
    let stream = hyper_util::rt::TokioIo::new(tunnel.connect().await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http::Request::get("/").header("host", "web").body(String::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "hello");
    drop(sender);
    driver.await.unwrap().unwrap();
    server.abort();
}

/// Either end may vanish with all its streams: they count as ended, since figures of the relay outlive its connections.
#[tokio::test]
async fn streams_of_a_connection_that_is_dropped_are_not_counted_for_ever() {
    let world = World::start().await;
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    let mut stream = tunnel.connect().await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    assert_eq!((world.relay.traffic().streams, tunnel.traffic().streams), (1, 1));
    tunnel.abort();
    eventually("the agent's streams are gone", || tunnel.traffic().streams == 0).await;
    let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
    let mut stream = tunnel.connect().await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    world.server.abort();
    eventually("the relay's streams are gone", || world.relay.traffic().streams == 0).await;
}
