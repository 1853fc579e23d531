#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::get;
use http::{StatusCode, header};
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::*;
use crate::listener::{Limits, Listener, Tls};

type Sender = mpsc::UnboundedSender<Box<dyn OverTcp>>;

async fn take_over(State(found): State<Sender>, mut request: Request) -> impl axum::response::IntoResponse {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().unwrap();
    tokio::spawn(async move {
        let upgraded = upgrade.await.unwrap();
        found.send(below(upgraded).expect("the listener's own connection")).ok().unwrap();
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "x")])
}

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nearly";

/// Asks, then writes and reads through both ends of what was upgraded.
async fn both_ways(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    near: std::net::SocketAddr,
    found: &mut mpsc::UnboundedReceiver<Box<dyn OverTcp>>,
) {
    client.write_all(ASK).await.unwrap();
    let mut server = found.recv().await.unwrap();
    assert_eq!(server.tcp().unwrap().peer_addr().unwrap(), near);
    server.hold_at_most(16 * 1024);
    client.write_all(b" and late").await.unwrap();
    let mut read = vec![0; b"early and late".len()];
    server.read_exact(&mut read).await.unwrap();
    assert_eq!(read, b"early and late", "what was read ahead comes first");
    server.write_all(b"answer").await.unwrap();
    server.flush().await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"answer") {
        text.push(client.read_u8().await.unwrap());
    }
    assert!(text.starts_with(b"HTTP/1.1 101"));
}

#[tokio::test]
async fn the_socket_is_seen_below_the_listeners_connections_with_and_without_tls() {
    let (tell, mut found) = mpsc::unbounded_channel();
    let router = Router::new().route("/", get(take_over)).with_state(tell);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), router.clone()).await.unwrap();
    let stream = TcpStream::connect(listener.address()).await.unwrap();
    let near = stream.local_addr().unwrap();
    both_ways(stream, near, &mut found).await;

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("crt"), dir.path().join("key"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::from_files(&chain, &key).unwrap();
    let listener = Listener::bind_tls(([127, 0, 0, 1], 0).into(), router, Limits::default(), tls).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(listener.address()).await.unwrap();
    let near = stream.local_addr().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    both_ways(stream, near, &mut found).await;
}
