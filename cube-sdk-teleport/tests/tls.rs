//! The tunnel over TLS: the system's authorities refuse a private one, the CA option admits it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cube_sdk_core::transport::RootCertificates;
use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_teleport::Tunnels;
use cube_sdk_teleport::dial::DirectDialer;
use cube_sdk_teleport::tunnel::{Relay, RelayServer, ServerTls};
use support::{Door, KEY, World, bytes, exchange};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_given() {
    let mut world = World::start().await;
    let echo = world.app(support::echo).await;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let door = Door::default();
    door.apps.lock().unwrap().insert("echo".to_owned(), echo.to_string());
    let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let relay = Relay::builder().build(door, DirectDialer::new());
    let server = RelayServer::bind(relay, "127.0.0.1:0", Some(tls)).await.unwrap();
    let url: url::Url = format!("wss://{}", server.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(server.run(std::future::pending::<Duration>()));

    let builder = || Tunnels::builder().url(url.clone()).key(SecretString::from(KEY));
    let stranger = builder().build().unwrap().open("echo").await.unwrap_err();
    assert_eq!(stranger.kind(), ErrorKind::Connect);
    assert!(stranger.to_string().contains("CUBE_CA_FILE"), "{stranger}");

    let tunnels = builder().extra_ca(RootCertificates::from_pem(chain.as_bytes()).unwrap()).build().unwrap();
    let tunnel = tunnels.open("echo").await.unwrap();
    let sent = bytes(1, 2_000_000);
    let stream = TcpStream::connect(tunnel.local_addr()).await.unwrap();
    assert_eq!(exchange(stream, sent.clone()).await.unwrap(), sent);
    assert!(!tunnel.shutdown(Duration::from_secs(1)).await.aborted);
    server.abort();
    assert!(ServerTls::from_pem(b"", key.as_bytes()).is_err());
}

#[test]
fn a_certificate_of_version_1_is_no_mismatch() {
    let pem = include_bytes!("x509_v1.pem");
    let error = ServerTls::from_pem(pem, pem).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("UnsupportedCertVersion"), "{error}");
    let made = |names: &str| rcgen::generate_simple_self_signed(vec![names.to_owned()]).unwrap();
    let (one, other) = (made("a"), made("b"));
    let error = ServerTls::from_pem(one.cert.pem().as_bytes(), other.signing_key.serialize_pem().as_bytes());
    assert!(error.unwrap_err().to_string().contains("do not belong together"));
}
