//! A reader that takes nothing: who else notices, and how many bytes wait for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_teleport::tunnel::{Ending, Protocol, Traffic, Tunnel, TunnelCode, TunnelEvent};
use futures_util::StreamExt as _;
use support::{World, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A connection that says what it wants: `S` bytes without end, `E` an echo.
async fn connect(tunnel: &Tunnel, wish: u8) -> TcpStream {
    let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    stream.write_u8(wish).await.unwrap();
    stream
}

async fn world() -> World {
    let mut world = World::start().await;
    let source = world.app(support::source).await;
    world.name("mixed", source);
    world
}

/// A stalled stream has used up its window once nothing more arrives.
async fn comes_to_rest(tunnel: &Tunnel) -> Traffic {
    let mut last = tunnel.traffic();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = tunnel.traffic();
        if now.received == last.received && now.received > 0 {
            return now;
        }
        last = now;
    }
    panic!("bytes arrive without end: {last:?}");
}

#[tokio::test]
async fn in_version_2_nobody_else_is_held_back_and_the_window_bounds_what_waits() {
    let world = world().await;
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("mixed").await.unwrap();
    let stalled = connect(&tunnel, b'S').await;
    let alone = comes_to_rest(&tunnel).await;
    assert_eq!(alone.streams, 1);
    assert!(alone.queued > 0 && alone.queued <= alone.granted, "{alone:?}");

    let mut busy = JoinSet::new();
    for _ in 0..15 {
        let mut stream = connect(&tunnel, b'S').await;
        busy.spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            // Busy, but not so much that a thousand echoes take long in an unoptimised build.
            while stream.read(&mut buffer).await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    let mut echo = connect(&tunnel, b'E').await;
    for round in 0..1000u64 {
        let (sent, mut back) = ([round as u8; 64], [0; 64]);
        echo.write_all(&sent).await.unwrap();
        echo.read_exact(&mut back).await.unwrap();
        assert_eq!(sent, back);
        let now = tunnel.traffic();
        assert!(now.queued <= now.granted, "{now:?}");
        assert!(now.queued >= alone.queued, "the stalled stream got rid of bytes: {now:?}");
    }
    let with_all = tunnel.traffic();
    assert_eq!(with_all.streams, 17);
    assert!(with_all.received > alone.received + 15 * 64 * 1024, "the others are not busy: {with_all:?}");
    busy.shutdown().await;
    drop(echo);
    eventually("only the stalled stream is left", || tunnel.traffic().streams == 1).await;
    let left = tunnel.traffic();
    assert_eq!((left.queued, left.granted), (alone.queued, alone.granted), "it got nothing more");
    drop(stalled);
    let gone = |traffic: Traffic| (traffic.streams, traffic.queued, traffic.granted) == (0, 0, 0);
    eventually("it is gone", || gone(tunnel.traffic())).await;
    eventually("at the relay too", || gone(world.relay.traffic())).await;
}

#[tokio::test]
async fn a_consumer_that_reads_on_gets_every_byte_that_waited() {
    let world = world().await;
    let tunnels = world.tunnels(Protocol::V2);
    let tunnel = tunnels.open("mixed").await.unwrap();
    let mut stalled = connect(&tunnel, b'S').await;
    let alone = comes_to_rest(&tunnel).await;
    let mut buffer = vec![0; 64 * 1024];
    let mut got = 0;
    while got < 4 * alone.received {
        let n = stalled.read(&mut buffer).await.unwrap();
        assert!(n > 0 && buffer[..n].iter().all(|byte| *byte == 3));
        got += n as u64;
        let now = tunnel.traffic();
        assert!(now.queued <= now.granted, "{now:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_version_1_it_is_cut_alone_within_six_seconds() {
    let world = world().await;
    let tunnels = world.tunnels(Protocol::V1);
    let tunnel = tunnels.open("mixed").await.unwrap();
    let mut events = tunnel.events();
    let mut others = Vec::new();
    for _ in 0..15 {
        others.push(connect(&tunnel, b'E').await);
    }
    let started = tokio::time::Instant::now();
    let _stalled = connect(&tunnel, b'S').await;
    let report = loop {
        if let TunnelEvent::StreamEnded { report } = events.next().await.unwrap() {
            break report;
        }
    };
    assert!(matches!(report.ending, Ending::Cut { code: TunnelCode::Stalled, .. }), "{report:?}");
    for other in &mut others {
        other.write_all(b"hello").await.unwrap();
        let mut back = [0; 5];
        other.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(tunnel.traffic().queued <= 1 << 20);
}
