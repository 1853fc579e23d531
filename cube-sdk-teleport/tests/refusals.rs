//! Every offence meets what the table "Refusals" of docs/tunnel-protocol.md says, and nobody else notices.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_teleport::tunnel::frame::{Frame, Hello};
use cube_sdk_teleport::tunnel::{Protocol, Relay, RelayEvent, Tunnel, Version};
use support::raw::{Got, Raw};
use support::{KEY, World, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PAGE: &str = include_str!("../docs/tunnel-protocol.md");

/// A row: relay event, HTTP status, WebSocket code, frame code.
fn row(offence: &str) -> [String; 4] {
    let section = PAGE.split("\n## Refusals").nth(1).unwrap().split("\n## ").next().unwrap();
    let line = section.lines().find(|line| line.starts_with(&format!("| {offence} |")));
    let line = line.unwrap_or_else(|| panic!("the page has no row for {offence}"));
    let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    [cells[1].clone(), cells[2].clone(), cells[3].clone(), cells[4].clone()]
}

fn name(event: &RelayEvent) -> &'static str {
    match event {
        RelayEvent::Refused { .. } => "Refused",
        RelayEvent::Connected { .. } => "Connected",
        RelayEvent::StreamOpened { .. } => "StreamOpened",
        RelayEvent::StreamRefused { .. } => "StreamRefused",
        RelayEvent::StreamEnded { .. } => "StreamEnded",
        RelayEvent::HandshakeFailed { .. } => "HandshakeFailed",
        RelayEvent::Disconnected { .. } => "Disconnected",
        _ => "other",
    }
}

enum Met {
    Http(u16),
    WebSocket(u16),
    Frame(u16),
    Both(u16, u16),
}

async fn check(world: &World, offence: &str, before: usize, met: Met) {
    let [event, http, websocket, frame] = row(offence);
    let cell = |number: u16| number.to_string();
    let dash = || "–".to_owned();
    let expected = match met {
        Met::Http(status) => [cell(status), dash(), dash()],
        Met::WebSocket(code) => [dash(), cell(code), dash()],
        Met::Frame(code) => [dash(), dash(), cell(code)],
        Met::Both(websocket, frame) => [dash(), cell(websocket), cell(frame)],
    };
    assert_eq!([http, websocket, frame], expected, "{offence}");
    if event != "–" {
        let seen = || world.log()[before..].iter().any(|e| name(e) == event);
        eventually(&format!("{offence}: event {event}"), seen).await;
    }
}

/// A connection that goes on echoing, whatever happens beside it.
struct Witness {
    tunnel: Tunnel,
    stream: TcpStream,
}

impl Witness {
    async fn of(world: &World) -> Self {
        let tunnel = world.tunnels(Protocol::V2).open("echo").await.unwrap();
        let stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
        let mut witness = Self { tunnel, stream };
        witness.noticed_nothing().await;
        witness
    }

    async fn noticed_nothing(&mut self) {
        self.stream.write_all(b"still here").await.unwrap();
        let mut back = [0; 10];
        self.stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"still here");
        assert_eq!((self.tunnel.traffic().streams, self.tunnel.traffic().opened), (1, 1));
    }
}

#[test]
fn every_row_of_the_page_is_met_here() {
    let section = PAGE.split("\n## Refusals").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let offences: Vec<&str> = rows.map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(offences.len(), 24);
    for offence in offences {
        assert!(include_str!("refusals.rs").contains(&format!("\"{offence}\"")), "nothing meets `{offence}`");
    }
}

const CONNECT: fn(u32, &str) -> Frame = |stream, app| Frame::Connect { stream, app: app.as_bytes().to_vec() };

#[tokio::test]
async fn each_offence_meets_its_row_while_another_connection_goes_on() {
    let world = World::start().await;
    let dead = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    world.name("dead", dead);
    let mut witness = Witness::of(&world).await;

    let keys = [
        ("missing key", None),
        ("wrong key", Some("nope")),
        ("revoked key", Some("k-revoked")),
        ("expired key", Some("k-expired")),
        ("key without tunnels", Some("k-forbidden")),
    ];
    for (offence, key) in keys {
        for version in [Version::V1, Version::V2] {
            let before = world.log().len();
            let status = Raw::connect(world.addr, key, version).await.err().expect(offence);
            check(&world, offence, before, Met::Http(status)).await;
        }
    }
    let before = world.log().len();
    let mut plain = TcpStream::connect(world.addr).await.unwrap();
    plain.write_all(b"GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    check(&world, "no websocket handshake", before, Met::Http(status)).await;

    let refused: [(&str, Vec<u8>); 4] = [
        ("forbidden app", b"forbidden".to_vec()),
        ("unknown app", b"nowhere".to_vec()),
        ("app not reachable", b"dead".to_vec()),
        ("over-long name", vec![b'x'; 256]),
    ];
    for (offence, app) in refused {
        let before = world.log().len();
        let mut raw = Raw::greeted(world.addr).await;
        raw.send(Frame::Connect { stream: 1, app }).await;
        let code = raw.refused_with().await;
        check(&world, offence, before, Met::Frame(code)).await;
        // The connection itself goes on.
        raw.connect_app(2, "echo").await;
        loop {
            match raw.next().await {
                Got::Frame(Frame::Connected { stream: 2 }) => break,
                Got::Frame(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    let broken: [(&str, Vec<Frame>); 3] = [
        ("second HELLO", vec![Frame::Hello(Hello { window: 1, max_data: 1, max_streams: 1, flags: 0 })]),
        ("id out of order", vec![CONNECT(5, "echo"), CONNECT(4, "echo")]),
        ("frame for a stream never opened", vec![Frame::Fin { stream: 9 }]),
    ];
    for (offence, frames) in broken {
        let before = world.log().len();
        let mut raw = Raw::greeted(world.addr).await;
        for frame in frames {
            raw.send(frame).await;
        }
        let code = raw.closed_with().await;
        check(&world, offence, before, Met::WebSocket(code)).await;
    }
    let raw_bytes: [(&str, Vec<u8>); 3] = [
        ("message shorter than a header", vec![1, 0]),
        ("unknown command", vec![12, 0, 0, 0, 1]),
        ("message too big", {
            let mut big = vec![2, 0, 0, 0, 1];
            big.resize(300_000, 0);
            big
        }),
    ];
    for (offence, bytes) in raw_bytes {
        let before = world.log().len();
        let mut raw = Raw::greeted(world.addr).await;
        raw.send_bytes(bytes).await;
        let code = raw.closed_with().await;
        check(&world, offence, before, Met::WebSocket(code)).await;
    }

    witness.noticed_nothing().await;
}

#[tokio::test]
async fn bytes_beyond_the_credit_end_the_connection() {
    let world = World::with(Relay::builder().window(1024)).await;
    let mut witness = Witness::of(&world).await;
    let mut raw = Raw::greeted(world.addr).await;
    raw.connect_app(1, "echo").await;
    raw.send(Frame::Data { stream: 1, payload: vec![0; 1025] }).await;
    let code = raw.closed_with().await;
    check(&world, "DATA beyond the credit", 0, Met::WebSocket(code)).await;
    witness.noticed_nothing().await;
}

#[tokio::test]
async fn a_burst_of_streams_is_served_up_to_the_limit() {
    let world = World::start().await;
    let mut witness = Witness::of(&world).await;
    let before = world.log().len();
    let mut raw = Raw::greeted(world.addr).await;
    for stream in 1..=1000 {
        raw.connect_app(stream, "echo").await;
    }
    let (mut served, mut busy) = (0, 0);
    while served + busy < 1000 {
        match raw.next().await {
            Got::Frame(Frame::Connected { .. }) => served += 1,
            Got::Frame(Frame::Error { code, .. }) => {
                assert_eq!(code.unwrap().name(), "busy");
                busy += 1;
                if busy == 1 {
                    check(&world, "stream beyond the limit", before, Met::Frame(code.unwrap().number())).await;
                }
            }
            Got::Frame(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((served, busy), (256, 744));
    witness.noticed_nothing().await;
    drop(raw);
    eventually("all streams end", || world.relay.traffic().streams == 1 && world.relay.connections() == 1).await;
}

#[tokio::test]
async fn connections_are_limited_per_key_and_in_all() {
    let world = World::with(Relay::builder().connections_per_key(1)).await;
    let first = Raw::greeted(world.addr).await;
    let status = Raw::connect(world.addr, Some(KEY), Version::V2).await.err().unwrap();
    check(&world, "too many connections of a key", 0, Met::Http(status)).await;
    drop(first);
    eventually("the place is free", || world.relay.connections() == 0).await;
    let _again = Raw::greeted(world.addr).await;

    let world = World::with(Relay::builder().connections(0)).await;
    let status = Raw::connect(world.addr, Some(KEY), Version::V2).await.err().unwrap();
    check(&world, "relay full or draining", 0, Met::Http(status)).await;
    let world = World::start().await;
    world.relay.drain(Duration::ZERO).await;
    let status = Raw::connect(world.addr, Some(KEY), Version::V2).await.err().unwrap();
    check(&world, "relay full or draining", 0, Met::Http(status)).await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_connection() {
    let world = World::start().await;
    let mut raw = Raw::greeted(world.addr).await;
    raw.connect_app(1, "echo").await;
    loop {
        if let Got::Frame(Frame::Connected { .. }) = raw.next().await {
            break;
        }
    }
    let before = world.log().len();
    world.door.revoked.notify_waiters();
    let frame = raw.refused_with().await;
    let websocket = raw.closed_with().await;
    check(&world, "key revoked while open", before, Met::Both(websocket, frame)).await;
}

#[tokio::test(start_paused = true)]
async fn slow_handshakes_are_cut() {
    let [event, http, ..] = row("slow handshake");
    assert_eq!(http, "connection closed after 10 s");
    let world = World::start().await;
    let mut witness = Witness::of(&world).await;
    let before = world.log().len();
    let started = tokio::time::Instant::now();
    let mut slow = TcpStream::connect(world.addr).await.unwrap();
    slow.write_all(b"GET /tunnel HTTP/1.1\r\nHost:").await.unwrap();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.ok();
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    assert!(rest.is_empty(), "{rest:?}");
    let seen = || world.log()[before..].iter().any(|e| name(e) == event);
    eventually("the slow handshake's event", seen).await;

    let mut silent = Raw::connect(world.addr, Some(KEY), Version::V2).await.unwrap();
    let started = tokio::time::Instant::now();
    let code = silent.closed_with().await;
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    check(&world, "no HELLO within 10 s", 0, Met::WebSocket(code)).await;
    witness.noticed_nothing().await;
}

#[tokio::test]
async fn a_flood_of_pings_that_reads_no_pongs_is_cut() {
    let world = World::start().await;
    let mut witness = Witness::of(&world).await;
    let mut raw = Raw::greeted(world.addr).await;
    // Many pings in one write, so that their pongs cannot be flushed between.
    let mut flood = Vec::new();
    for nonce in 0..2000u64 {
        let mut message = vec![0x82, 0x80 | 13, 0, 0, 0, 0, 8, 0, 0, 0, 0];
        message.extend(nonce.to_be_bytes());
        flood.extend(message);
    }
    raw.socket.get_mut().write_all(&flood).await.unwrap();
    let code = raw.closed_with().await;
    check(&world, "flood of pings", 0, Met::WebSocket(code)).await;
    witness.noticed_nothing().await;
}
