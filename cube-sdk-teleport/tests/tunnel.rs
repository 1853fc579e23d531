//! Both ends of a tunnel over loopback: bytes, ends, refusals, stops.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_teleport::tunnel::{Protocol, TunnelState, Version};
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
