//! TLS, and certificates that are renewed.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use cube_sdk_server::listener::{Limits, Listener, Tls};
use tokio::io::AsyncReadExt;

/// Writes a new pair; its certificate.
fn renew(dir: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("crt"), made.cert.pem()).unwrap();
    made.cert.pem()
}

/// A client of this certificate alone, whose connections are not kept.
async fn ask(listener: &Listener, certificate: &str) -> Option<(String, reqwest::Version)> {
    let trusted = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let response = client.get(format!("https://localhost:{}/", listener.address().port())).send().await.ok()?;
    let version = response.version();
    Some((response.text().await.unwrap(), version))
}

async fn serve(dir: &Path, limits: Limits) -> Listener {
    let tls = Tls::from_files(&dir.join("crt"), &dir.join("key")).unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let tls = tls.look_every(Duration::from_millis(20));
    Listener::bind_tls(([127, 0, 0, 1], 0).into(), router, limits, tls).await.unwrap()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = renew(dir.path());
    let listener = serve(dir.path(), Limits::default()).await;
    assert!(listener.url().starts_with("https://"));
    let (text, version) = ask(&listener, &first).await.unwrap();
    assert_eq!((text.as_str(), version), ("hello", reqwest::Version::HTTP_2));
    for broken in ["", "no certificate", &first.replace("MII", "XII")] {
        std::fs::write(dir.path().join("crt"), broken).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(ask(&listener, &first).await.is_some(), "the old one serves on");
    }
    let second = renew(dir.path());
    while ask(&listener, &second).await.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(ask(&listener, &first).await.is_none());
}

#[tokio::test]
async fn who_never_shakes_hands_is_closed_in_time_and_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = renew(dir.path());
    let listener = serve(dir.path(), Limits::default().head(Duration::from_secs(2))).await;
    let mut silent = tokio::net::TcpStream::connect(listener.address()).await.unwrap();
    assert!(ask(&listener, &certificate).await.is_some());
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(60), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (crt, key) = (dir.path().join("crt"), dir.path().join("key"));
    assert!(Tls::from_files(&crt, &key).unwrap_err().to_string().contains("crt"));
    renew(dir.path());
    let other = tempfile::tempdir().unwrap();
    renew(other.path());
    let error = Tls::from_files(&crt, &other.path().join("key")).unwrap_err();
    assert!(error.to_string().contains("does not belong"), "{error}");
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWNhbmFyeQ==\n-----END PRIVATE KEY-----\n").unwrap();
    let error = Tls::from_files(&crt, &key).unwrap_err();
    assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
}
