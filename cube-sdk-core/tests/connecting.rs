//! How calls connect, by the wire: proxies, certificates, machines without a trust store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cube_sdk_core::config::Environment;
use cube_sdk_core::engine::{Call, Engine};
use cube_sdk_core::error::StopReason;
use cube_sdk_core::retry::{Backoff, Retrier, RetryBudget, RetryPolicy};
use cube_sdk_core::settings::{ProxySetting, Settings};
use cube_sdk_core::transport::RootCertificates;
use cube_sdk_core::{Error, ErrorKind, Idempotency, Operation};
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const READ: Operation = Operation::new("double", "read", Idempotency::Read);

/// Settings that see nothing of the machine, with retries that do not wait.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    let backoff = Backoff::new(std::time::Duration::ZERO, std::time::Duration::ZERO);
    Settings::new()
        .environment(Environment::from_pairs(pairs.iter().copied()))
        .retrier(Retrier::new(RetryPolicy::default().backoff(backoff), RetryBudget::default()))
}

fn fixed(url: &str) -> ProxySetting {
    ProxySetting::Fixed { url: url.parse().unwrap(), no_proxy: String::new() }
}

async fn get(settings: &Settings, url: &str) -> Result<String, Error> {
    let engine: Engine = settings.ground()?.engine().build();
    let reply = engine.run(&Call::new(READ, Method::GET, url.parse().unwrap())).await?;
    Ok(String::from_utf8_lossy(&reply.body).into_owned())
}

/// Reads the head of a request; what begins with no method is answered at once, as real servers do.
async fn head(io: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        match io.read_u8().await {
            Ok(byte) if seen.is_empty() && !byte.is_ascii_uppercase() => break,
            Ok(byte) => seen.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(seen).unwrap()
}

/// A port that refuses, held so that no other test gets it: bound, never listened on.
fn refusing() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

/// A name that every resolver refuses without asking: its label is too long.
fn nowhere() -> String {
    format!("{}.invalid", "x".repeat(64))
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A certificate for `name`, good for the given years.
fn certificate(name: &str, years: (i32, i32)) -> (String, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Acme Root");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut own = CertificateParams::new([name.to_owned()]).unwrap();
    own.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    own.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let chain = vec![own.signed_by(&key, &authority).unwrap().der().clone()];
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (authority.pem(), config)
}

/// A server whose connections are counted; each gets one good answer, over TLS where it has a certificate.
async fn server(tls: Option<ServerConfig>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    Some(acceptor) => {
                        let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                        head(&mut tls).await;
                        tls.write_all(GOOD).await.unwrap();
                        let _ = tls.shutdown().await;
                    }
                    None => {
                        head(&mut tcp).await;
                        let _ = tcp.write_all(GOOD).await;
                    }
                }
            });
        }
    });
    (port, count)
}

/// A proxy that writes down the heads of what it is asked, with `answer` in place of its own if given. A CONNECT leads to
/// `to` on this machine, whatever host it names.
async fn proxy(answer: Option<&'static [u8]>, to: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let written = Arc::clone(&written);
            tokio::spawn(async move {
                let asked = head(&mut client).await;
                let connects = asked.starts_with("CONNECT ");
                written.lock().unwrap().push(asked);
                if let Some(answer) = answer {
                    let _ = client.write_all(answer).await;
                } else if connects {
                    let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                } else {
                    let _ = client.write_all(GOOD).await;
                }
            });
        }
    });
    (address, heads)
}

#[tokio::test]
async fn http_goes_through_its_proxy_in_absolute_form() {
    let (address, heads) = proxy(None, 0).await;
    let url = format!("http://me:p%40w@{address}");
    let through = settings(&[("HTTP_PROXY", &url), ("NO_PROXY", &nowhere())]);
    assert_eq!(get(&through, "http://there.invalid/a?b=1").await.unwrap(), "ok");
    let seen = heads.lock().unwrap().clone();
    assert!(seen[0].starts_with("GET http://there.invalid/a?b=1 HTTP/1.1\r\n"), "{seen:?}");
    assert!(seen[0].to_lowercase().contains("proxy-authorization: basic bwu6ceb3\r\n"), "{seen:?}");
    assert!(seen[0].contains("user-agent: cube-sdk/"), "{seen:?}");
    let error = get(&through, &format!("http://{}/", nowhere())).await.unwrap_err();
    assert_eq!((error.kind(), heads.lock().unwrap().len()), (ErrorKind::Connect, 1), "{error}");
}

#[tokio::test]
async fn https_goes_through_its_proxy_in_a_tunnel() {
    let (ca, config) = certificate("there.invalid", (2020, 2090));
    let (port, _) = server(Some(config)).await;
    let (address, heads) = proxy(None, port).await;
    let url = format!("http://me:p%40w@{address}");
    let through = settings(&[("HTTPS_PROXY", &url)]).extra_ca(RootCertificates::from_pem(ca.as_bytes()).unwrap());
    assert_eq!(get(&through, "https://there.invalid/").await.unwrap(), "ok");
    let seen = heads.lock().unwrap().clone();
    assert!(seen[0].starts_with("CONNECT there.invalid:443 HTTP/1.1\r\n"), "{seen:?}");
    assert!(seen[0].contains("Basic bWU6cEB3\r\n"), "{seen:?}");
}

#[tokio::test]
async fn a_proxy_of_one_scheme_never_gets_the_credentials_of_the_other() {
    let (address, heads) = proxy(None, 0).await;
    let plain = format!("http://{address}");
    let through = settings(&[("HTTP_PROXY", &plain), ("HTTPS_PROXY", "http://me:canary@127.0.0.1:9")]);
    get(&through, "http://there.invalid/").await.unwrap();
    assert!(!heads.lock().unwrap()[0].to_lowercase().contains("proxy-authorization"));
}

#[tokio::test]
async fn a_proxy_that_fails_is_named_as_such() {
    const WANTS: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    const REFUSES: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let (wants, wanted) = proxy(Some(WANTS), 0).await;
    let (refuses, refused) = proxy(Some(REFUSES), 0).await;
    let (_held, closed) = refusing();
    for (address, url, words, attempts) in [
        (&wants, "https://there.invalid/", "wants a user and password (407)", 1),
        (&wants, "http://there.invalid/", "wants a user and password (407)", 1),
        (&refuses, "https://there.invalid/", "refused to connect", 4),
        (&closed, "https://there.invalid/", "connection refused", 4),
        (&closed, "http://there.invalid/", "connection refused", 4),
    ] {
        let through = settings(&[("ALL_PROXY", &format!("http://me:canary@{address}"))]);
        let error = get(&through, url).await.unwrap_err();
        let line = error.to_string();
        assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Connect, attempts), "{line}");
        assert!(line.contains(words) && line.contains(&format!("the proxy http://{address}")), "{line}");
        assert!(!format!("{line} {error:?}").contains("canary"), "{line}");
        assert!(error.next_step().is_some(), "{line}");
    }
    assert_eq!((wanted.lock().unwrap().len(), refused.lock().unwrap().len()), (2, 4));
    // The server's own 407 is no proxy's, where there is none.
    let direct = settings(&[]).proxy(ProxySetting::Direct);
    assert_eq!(get(&direct, &format!("http://{wants}/")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_certificate_that_is_refused_ends_the_call_at_its_first_attempt_saying_why() {
    let (_, unknown) = certificate("localhost", (2020, 2090));
    let (old_ca, old) = certificate("localhost", (2001, 2002));
    let (early_ca, early) = certificate("localhost", (2080, 2090));
    let (other_ca, other) = certificate("other.example", (2020, 2090));
    let cases: [(Option<String>, ServerConfig, &[&str]); 4] = [
        (None, unknown, &["Acme Root", "CUBE_CA_FILE", "extra_ca"]),
        (Some(old_ca), old, &["expired at 2002-01-01", "renew"]),
        (Some(early_ca), early, &["2080-01-01", "clock"]),
        (Some(other_ca), other, &["other.example", "not for localhost"]),
    ];
    for (ca, config, words) in cases {
        let (port, count) = server(Some(config)).await;
        let mut settings = settings(&[]);
        if let Some(ca) = ca {
            settings = settings.extra_ca(RootCertificates::from_pem(ca.as_bytes()).unwrap());
        }
        let error = get(&settings, &format!("https://localhost:{port}/")).await.unwrap_err();
        let line = error.to_string();
        assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Connect, 1), "{line}");
        assert_eq!(error.retry().stopped, StopReason::NotRetryable, "{line}");
        assert!(!error.is_transient(), "{line}");
        assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{line}");
    }
}

#[tokio::test]
async fn a_certificate_behind_a_proxy_is_the_servers_affair() {
    let (_, config) = certificate("there.invalid", (2020, 2090));
    let (port, _) = server(Some(config)).await;
    let (address, heads) = proxy(None, port).await;
    let through = settings(&[]).proxy(fixed(&format!("http://{address}")));
    let error = get(&through, "https://there.invalid/").await.unwrap_err();
    let line = error.to_string();
    assert!(line.contains("through the proxy") && line.contains("Acme Root"), "{line}");
    assert_eq!((error.retry().attempts, heads.lock().unwrap().len()), (1, 1), "{line}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_down() {
    let (port, count) = server(None).await;
    let error = get(&settings(&[]), &format!("https://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(error.to_string().contains("speaks no TLS"), "{error}");
    assert_eq!((error.retry().attempts, count.load(Ordering::SeqCst)), (1, 1));
    let (_held, closed) = refusing();
    for (url, words) in
        [(format!("http://{closed}/"), "connection refused"), (format!("http://{}/", nowhere()), "lookup")]
    {
        let error = get(&settings(&[]), &url).await.unwrap_err();
        assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Connect, 4), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// The machine's trust store is named by the environment of a process: the check runs in a process of its own.
#[test]
fn without_a_trust_store_only_tls_fails_and_says_why() {
    if std::env::var_os("CUBE_TEST_WITHOUT_TRUST_STORE").is_some() {
        return within_a_machine_without_trust_store();
    }
    let empty = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without_a_trust_store_only_tls_fails_and_says_why", "--nocapture"])
        .env("CUBE_TEST_WITHOUT_TRUST_STORE", "1")
        .env("SSL_CERT_FILE", empty.path().join("none.pem"))
        .env("SSL_CERT_DIR", empty.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn within_a_machine_without_trust_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ca, config) = certificate("localhost", (2020, 2090));
        let (plain, _) = server(None).await;
        let (secure, count) = server(Some(config)).await;
        let bare = settings(&[]);
        assert_eq!(get(&bare, &format!("http://127.0.0.1:{plain}/")).await.unwrap(), "ok");
        // Where the trust store is the system's own, not a file, it cannot be taken away.
        if cfg!(target_os = "linux") {
            let error = get(&bare, &format!("https://localhost:{secure}/")).await.unwrap_err();
            let line = error.to_string();
            assert_eq!((error.kind(), error.retry().attempts), (ErrorKind::Connect, 1), "{line}");
            assert!(line.contains("no trust store") && line.contains("CUBE_CA_FILE"), "{line}");
            assert!(count.load(Ordering::SeqCst) >= 1);
        }
        let named = settings(&[]).extra_ca(RootCertificates::from_pem(ca.as_bytes()).unwrap());
        assert_eq!(get(&named, &format!("https://localhost:{secure}/")).await.unwrap(), "ok");
    });
}
