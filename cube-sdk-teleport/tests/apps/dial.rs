//! The way that works: with and without ping framing, TCP and HTTP, every key form.

use std::time::Duration;

use cube_sdk_teleport::dial::{AppKind, AppStream, Limits};
use cube_sdk_testkit::teleport::{AppKind as Kind, KeyForm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{APP, World, app, echoed, greeter, noise};

#[tokio::test]
async fn echoes_byte_for_byte_in_ping_framing() {
    let world = World::start().await;
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    assert!(stream.ping_framing() && !stream.upgraded());
    for len in [1, 4, 16_379, 16_380, 32_764, 32_765, 1_000_003] {
        let data = noise(len);
        assert!(echoed(&mut stream, &data).await == data, "{len} bytes");
    }
    assert!(world.proxy.pings() > 0, "the proxy pinged within the flow");
    assert_eq!(world.proxy.seen().alpn, ["teleport-reversetunnel", "teleport-tcp-ping"]);
}

#[tokio::test]
async fn echoes_byte_for_byte_without_ping_framing() {
    let world = World::start().await;
    world.proxy.behave(|proxy| proxy.ping = false);
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    assert!(!stream.ping_framing());
    let data = noise(300_000);
    assert!(echoed(&mut stream, &data).await == data);
    assert_eq!(world.proxy.pings(), 0);
}

#[tokio::test]
async fn pings_alone_are_no_data() {
    let world = World::start().await;
    let mut stream = world.quick().connect(&app(APP)).await.unwrap();
    let mut byte = [0];
    let mut looks = 0;
    while world.proxy.pings() < 2 {
        looks += 1;
        assert!(looks < 500, "the proxy does not ping");
        let silent = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut byte)).await;
        assert!(silent.is_err(), "nothing was sent, nothing may be read");
    }
}

#[tokio::test]
async fn an_app_that_speaks_first_ends_the_wait_and_loses_nothing() {
    let world = World::bare().await;
    world.cluster.add_app(APP, Kind::Tcp, greeter(b"hello from the app").await);
    world.tbot().rotate().await.unwrap();
    let limits = Limits::default().verdict(Duration::from_secs(8));
    let dialer = world.dialer_with(world.config().limits(limits));
    let mut stream = dialer.connect(&app(APP)).await.unwrap();
    let mut heard = [0; 18];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello from the app");
}

#[tokio::test]
async fn every_key_form_is_read() {
    let world = World::bare().await;
    for form in [KeyForm::EcPkcs8, KeyForm::EcSec1, KeyForm::RsaPkcs8, KeyForm::RsaPkcs1] {
        for (identity, pair, names) in [(true, true, false), (false, true, false), (false, false, true)] {
            let _ = std::fs::remove_dir_all(world.path(APP));
            let mut tbot = world.tbot().key_form(form).files(identity, pair, names);
            tbot.rotate().await.unwrap();
            let mut stream = world.quick().connect(&app(APP)).await.unwrap();
            assert_eq!(echoed(&mut stream, b"hi").await, b"hi", "{form:?} {identity} {pair} {names}");
        }
    }
}

#[tokio::test]
async fn an_http_app_gets_its_bytes_whatever_the_host_header_says() {
    let world = World::bare().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.cluster.add_app(APP, Kind::Http, listener.local_addr().unwrap());
    world.tbot().rotate().await.unwrap();
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let got = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        String::from_utf8_lossy(&head[..got]).to_ascii_lowercase()
    });
    let mut stream = world.quick().connect(&app(APP).kind(AppKind::Http)).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nhost: nowhere.example.com\r\nconnection: close\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    let head = upstream.await.unwrap();
    assert!(head.starts_with("get /x ") && head.contains("teleport-jwt-assertion:"), "{head}");
    assert_eq!(world.proxy.seen().alpn.last().unwrap(), "http/1.1");
}

#[tokio::test]
async fn the_public_address_is_asked_for_once() {
    let world = World::start().await;
    let public = format!("localhost:{}", world.proxy.addr().port());
    world.proxy.behave(|proxy| proxy.public_addr = Some(public));
    let config = world.config().find(true).limits(Limits::default().verdict(Duration::ZERO));
    let dialer = world.dialer_with(config);
    for _ in 0..2 {
        let mut stream = dialer.connect(&app(APP)).await.unwrap();
        assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
    }
    let seen = world.proxy.seen();
    assert_eq!(seen.alpn.iter().filter(|name| *name == "http/1.1").count(), 1, "one question: {:?}", seen.alpn);
    // The name that the proxy gave is the one that was dialled.
    assert_eq!(seen.server_names.iter().filter(|name| *name == "localhost").count(), 3, "{:?}", seen.server_names);
}

#[tokio::test]
async fn detection_happens_once_per_address() {
    let world = World::start().await;
    let dialer = world.quick();
    let dials = (0..8).map(|_| {
        let dialer = dialer.clone();
        tokio::spawn(async move { dialer.connect(&app(APP)).await.unwrap() })
    });
    for dial in dials.collect::<Vec<_>>() {
        dial.await.unwrap();
    }
    let asked = world.proxy.seen().alpn.iter().filter(|name| *name == "teleport-reversetunnel").count();
    assert_eq!(asked, 1);
}

/// One answer of a kept-alive connection: its status line and body.
async fn answer(stream: &mut AppStream) -> String {
    let (mut text, mut byte) = (Vec::new(), [0; 1]);
    loop {
        stream.read_exact(&mut byte).await.unwrap();
        text.push(byte[0]);
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
        let length: usize =
            head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        return format!("{} {}", head.lines().next().unwrap(), String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_kept_alive_http_flow_sees_the_end_of_its_session_and_the_next_dial_does_not() {
    let world = World::bare().await;
    world.cluster.add_app(APP, Kind::Http, greeter(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await);
    world.tbot().rotate().await.unwrap();
    let dialer = world.quick();
    let web = app(APP).kind(AppKind::Http);
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut old = dialer.connect(&web).await.unwrap();
    old.write_all(request).await.unwrap();
    old.flush().await.unwrap();
    assert_eq!(answer(&mut old).await, "http/1.1 200 ok ok");
    world.cluster.drop_sessions();
    world.tbot().rotate().await.unwrap();
    old.write_all(request).await.unwrap();
    old.flush().await.unwrap();
    assert_eq!(answer(&mut old).await, "http/1.1 403 forbidden invalid session");
    let mut new = dialer.connect(&web).await.unwrap();
    new.write_all(request).await.unwrap();
    new.flush().await.unwrap();
    assert_eq!(answer(&mut new).await, "http/1.1 200 ok ok");
}
