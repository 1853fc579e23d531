//! Version 1: slow consumers on real sockets are never cut, and what nobody asked for is not worked off.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cube_sdk_teleport::tunnel::{Ending, Protocol, TunnelCode, TunnelEvent};
use futures_util::StreamExt as _;
use support::{World, eventually, source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A connection that wants bytes without end.
async fn thirsty(addr: SocketAddr, receive_buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size).unwrap();
    }
    let mut stream = socket.connect(addr).await.unwrap();
    stream.write_all(b"S").await.unwrap();
    stream
}

/// Takes so many bytes a second for so long, with a pause of 4 s after the first second if asked.
async fn drink(mut stream: TcpStream, rate: usize, pause: bool, until: Duration) -> std::io::Result<usize> {
    let started = Instant::now();
    let mut buffer = vec![0; rate.div_ceil(10).max(512)];
    let (mut taken, mut paused) = (0, Duration::ZERO);
    while started.elapsed() < until {
        let due = started.elapsed().saturating_sub(paused).as_millis() as usize * rate / 1000;
        if taken < due {
            let room = (due - taken).min(buffer.len());
            let n = stream.read(&mut buffer[..room]).await?;
            assert!(n > 0, "the source has no end");
            taken += n;
        } else {
            sleep(Duration::from_millis(20)).await;
        }
        if pause && paused.is_zero() && started.elapsed() > Duration::from_secs(1) {
            sleep(Duration::from_secs(4)).await;
            paused = Duration::from_secs(4);
        }
    }
    Ok(taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_move_are_never_cut() {
    let mut tasks = JoinSet::new();
    // With small buffers the system tells soon what was taken; with the usual one at the speed of the reader.
    for (rate, buffer, others, pause) in [
        (5_000, Some(4_096), true, false),
        (20_000, Some(8_192), true, false),
        (20_000, Some(4_096), true, true),
        (200_000, None, true, false),
        (200_000, None, true, true),
        (20_000, None, false, false),
    ] {
        tasks.spawn(async move {
            let mut world = World::start().await;
            let mixed = world.app(source).await;
            world.name("mixed", mixed);
            let tunnel = world.tunnels(Protocol::V1).open("mixed").await.unwrap();
            let mut events = tunnel.events();
            let mut other = if others { Some(TcpStream::connect(tunnel.local_addr()).await.unwrap()) } else { None };
            if let Some(other) = &mut other {
                other.write_all(b"E").await.unwrap();
            }
            let stream = thirsty(tunnel.local_addr(), buffer).await;
            let taken = drink(stream, rate, pause, Duration::from_secs(13)).await;
            let taken = taken.unwrap_or_else(|error| panic!("{rate}/s with {buffer:?}: {error}"));
            assert!(taken > rate * 4, "{rate}/s: {taken} bytes");
            while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(1), events.next()).await {
                if let TunnelEvent::StreamEnded { report } = event {
                    let stalled = matches!(report.ending, Ending::Cut { code: TunnelCode::Stalled, .. });
                    assert!(!stalled, "{rate}/s with {buffer:?}: {report:?}");
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Ten downloads are given up at once. What their apps still send is dropped for a while, not for seconds at full speed.
#[tokio::test]
async fn cancelled_downloads_are_not_worked_off() {
    let mut world = World::start().await;
    let (sent, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&sent), Arc::clone(&ended));
    let firehose = world
        .app(move |mut stream| {
            let (sent, ended) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
            async move {
                let bytes = vec![7; 64 * 1024];
                while stream.read_u8().await.is_ok() {
                    while let Ok(n) = stream.write(&bytes).await {
                        sent.fetch_add(n as u64, Ordering::SeqCst);
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
        .await;
    world.name("firehose", firehose);
    let tunnel = world.tunnels(Protocol::V1).open("firehose").await.unwrap();
    let begun = Arc::new(AtomicU64::new(0));
    let mut downloads = JoinSet::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        let begun = Arc::clone(&begun);
        downloads.spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            stream.read_exact(&mut buffer).await.unwrap();
            begun.fetch_add(1, Ordering::SeqCst);
            while stream.read(&mut buffer).await.unwrap() > 0 {}
        });
    }
    eventually("all of them run", || begun.load(Ordering::SeqCst) == 10).await;
    let before = sent.load(Ordering::SeqCst);
    downloads.shutdown().await;
    eventually("every app learns that nobody listens", || ended.load(Ordering::SeqCst) == 10).await;
    let after = sent.load(Ordering::SeqCst) - before;
    // What lies in the buffers of ten connections on both ends, and a quarter of a MiB each.
    assert!(after < 160 << 20, "{after} bytes were worked off for nobody");
    eventually("nothing is left", || world.relay.traffic().streams == 0).await;
}

#[cfg(target_os = "linux")]
mod keepalive {
    use super::*;

    /// Sockets of this process whose local or remote port is one of these, and whether the system asks their peers.
    fn timers(port: u16) -> Vec<bool> {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let hex = format!(":{port:04X}");
        let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Local address, state (01: established), timer (02: keep-alive).
        rows.filter(|row| row[1].ends_with(&hex) && row[3] == "01").map(|row| row[5].starts_with("02:")).collect()
    }

    #[tokio::test]
    async fn every_socket_that_is_accepted_or_dialled_asks_whether_its_peer_is_there() {
        let world = World::start().await;
        let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
        let mut near = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        near.write_all(b"x").await.unwrap();
        near.read_exact(&mut [0]).await.unwrap();
        let all = |port: u16| {
            let timers = timers(port);
            !timers.is_empty() && timers.iter().all(|on| *on)
        };
        eventually("accepted by the agent", || all(tunnel.local_addr().port())).await;
        eventually("accepted by the relay", || all(world.addr.port())).await;
        // The app's own side of the dialled connection has none: count those that come from the other side.
        let echo: SocketAddr = world.door.apps.lock().unwrap()["echo"].parse().unwrap();
        let dialled = || {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let hex = format!(":{:04X}", echo.port());
            let mut rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
            rows.any(|row| row[2].ends_with(&hex) && row[3] == "01" && row[5].starts_with("02:"))
        };
        eventually("dialled by the relay", dialled).await;
    }
}
