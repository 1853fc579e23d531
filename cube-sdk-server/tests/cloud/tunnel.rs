//! `/tunnel`, as the published agent opens it: the key in the URL, version 1 frames.

use std::time::Duration;

use cube_sdk_core::Clock;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::Cloud;

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn open(cloud: &Cloud, key: &str) -> Result<Socket, u16> {
    let url = format!("ws://{}/tunnel?token={key}", cloud.address);
    let stream = tokio::net::TcpStream::connect(cloud.address).await.unwrap();
    match tokio_tungstenite::client_async(url.into_client_request().unwrap(), stream).await {
        Ok((socket, response)) => {
            assert!(!response.headers().contains_key("sec-websocket-extensions"), "nothing is compressed");
            Ok(socket)
        }
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

/// A frame: command (1 byte), stream id (4 bytes), payload.
fn frame(kind: u8, stream: u32, payload: &[u8]) -> Message {
    Message::binary([&[kind], &stream.to_be_bytes()[..], payload].concat())
}

async fn next(socket: &mut Socket) -> Option<(u32, u8, Vec<u8>)> {
    loop {
        match tokio::time::timeout(Duration::from_secs(60), socket.next()).await.unwrap() {
            Some(Ok(Message::Binary(bytes))) => {
                return Some((u32::from_be_bytes(bytes[1..5].try_into().unwrap()), bytes[0], bytes[5..].to_vec()));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return None,
        }
    }
}

const CONNECT: u8 = 0x01;
const CONNECTED: u8 = 0x05;
const DATA: u8 = 0x02;
const ERROR: u8 = 0x04;

#[tokio::test]
async fn bytes_of_an_app_come_back() {
    let cloud = Cloud::start().await;
    let mut socket = open(&cloud, &cloud.key("readers").await).await.unwrap();
    socket.send(frame(CONNECT, 1, b"echo")).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap().1, CONNECTED);
    socket.send(frame(DATA, 1, b"hello")).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap(), (1, DATA, b"hello".to_vec()));
}

#[tokio::test]
async fn apps_that_the_profile_does_not_have_are_refused_by_name() {
    let cloud = Cloud::start().await;
    let mut socket = open(&cloud, &cloud.key("readers").await).await.unwrap();
    for (stream, app, word) in [(1, "secret-app", "forbidden"), (2, "dead", "unreachable"), (3, "nowhere", "forbidden")]
    {
        socket.send(frame(CONNECT, stream, app.as_bytes())).await.unwrap();
        let (id, kind, text) = next(&mut socket).await.unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!((id, kind) == (stream, ERROR) && text.contains(word), "{app}: {kind} {text}");
    }
    let mut admin = open(&cloud, &cloud.key("admin").await).await.unwrap();
    admin.send(frame(CONNECT, 1, b"nowhere")).await.unwrap();
    let text = next(&mut admin).await.unwrap().2;
    assert!(String::from_utf8_lossy(&text).contains("unknown_app"), "{text:?}");
}

#[tokio::test]
async fn a_bad_key_fails_the_handshake_itself() {
    let cloud = Cloud::start().await;
    for key in ["", "x", &format!("cube_{}", "A".repeat(43))] {
        assert_eq!(open(&cloud, key).await.err(), Some(401), "{key}");
    }
}

#[tokio::test]
async fn a_revoked_key_ends_its_tunnels_and_no_other() {
    let cloud = Cloud::start().await;
    let (gone, kept) = (cloud.key("admin").await, cloud.key("readers").await);
    let (mut one, mut other) = (open(&cloud, &gone).await.unwrap(), open(&cloud, &kept).await.unwrap());
    for socket in [&mut one, &mut other] {
        socket.send(frame(CONNECT, 1, b"echo")).await.unwrap();
        assert_eq!(next(socket).await.unwrap().1, CONNECTED);
    }
    assert_eq!(cloud.store.revoke_keys_of("bot-of-admin", Clock::system()).await.unwrap(), 1);
    while next(&mut one).await.is_some() {}
    assert_eq!(open(&cloud, &gone).await.err(), Some(401));
    other.send(frame(DATA, 1, b"still here")).await.unwrap();
    assert_eq!(next(&mut other).await.unwrap(), (1, DATA, b"still here".to_vec()));
}
