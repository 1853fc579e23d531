//! What is set on `Cube` reaches every door: EdgeGate, storage, Apollo, cube-cloud's, tunnels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk::core::config::Environment;
use cube_sdk::core::engine::Clocks;
use cube_sdk::core::retry::Retrier;
use cube_sdk::core::settings::ProxySetting;
use cube_sdk::core::transport::{Answer, Body, RootCertificates, Transport};
use cube_sdk::prelude::*;
use cube_sdk::{CubeBuilder, WhichClock};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One call through each door, to be refused: its error is what is looked at.
type Call = fn(Cube) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

const DOORS: [(&str, Call); 8] = [
    ("edgegate", |cube| Box::pin(async move { cube.edgegate()?.workspaces().list().await.map(drop) })),
    ("storage", |cube| {
        Box::pin(async move {
            let session = cube.storage()?.own_session("models", "us-east-1")?;
            session.open("s3://models/net.onnx").await.map(drop)
        })
    }),
    ("apollo", |cube| Box::pin(async move { cube.apollo()?.my_teams().await.map(drop) })),
    ("cloud", |cube| Box::pin(async move { cube.cloud()?.list_environments().await.map(drop) })),
    ("auth", |cube| Box::pin(async move { asked(cube.auth()?.status().await?) })),
    ("kube", |cube| Box::pin(async move { cube.kube()?.list().await.map(drop) })),
    ("apps", |cube| Box::pin(async move { cube.apps()?.list().await.map(drop) })),
    ("tunnels", |cube| Box::pin(async move { cube.tunnels()?.open("postgres").await.map(drop) })),
];

/// What the service says stands in the status.
fn asked(status: cube_sdk::auth::Status) -> Result<()> {
    use cube_sdk::auth::Connectivity;
    match status.service {
        Connectivity::Unreachable(error) | Connectivity::KeyRefused(error) | Connectivity::Limited(error) => Err(error),
        _ => Ok(()),
    }
}

/// The services of all doors at one base URL.
fn environment(base: &str) -> Environment {
    Environment::from_pairs([
        ("EDGEGATE_API_URL", base),
        ("EDGEGATE_API_KEY", "egk_test_1"),
        ("CUBE_APOLLO_URL", base),
        ("CUBE_APOLLO_CLIENT_ID", "id"),
        ("CUBE_APOLLO_CLIENT_SECRET", "secret"),
        ("AWS_ENDPOINT_URL", base),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("CUBE_CLOUD_URL", base),
        ("CUBE_API_KEY", "cube_key"),
    ])
}

/// A server that notes the heads of requests and answers each with one status, or with nothing.
struct Stand {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Stand {
    async fn start(answer: Option<&'static str>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (noted, tls) = (Arc::clone(&noted), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, answer, &noted).await;
                            }
                        }
                        None => serve(socket, answer, &noted).await,
                    }
                });
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Option<&str>, heads: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
    heads.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
    let Some(status) = answer else { return std::future::pending().await };
    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn impatient() -> CubeBuilder {
    Cube::builder().retrier(Retrier::never())
}

#[tokio::test]
async fn the_environment_the_user_agent_and_the_retrier_reach_every_door() {
    for (name, call) in DOORS {
        let stand = Stand::start(Some("503 Service Unavailable"), None).await;
        let cube = impatient()
            .environment(environment(&format!("http://127.0.0.1:{}", stand.port)))
            .application("fleet-report", "1.4.0")
            .build();
        let error = call(cube).await.unwrap_err();
        let heads = stand.heads();
        assert_eq!(heads.len(), 1, "{name} was to be tried once: {error}");
        let agent = heads[0].lines().find(|line| line.to_ascii_lowercase().starts_with("user-agent:"));
        let agent = agent.unwrap_or_else(|| panic!("{name} names no program: {}", heads[0]));
        assert!(agent.contains("fleet-report/1.4.0 cube-sdk/"), "{name}: {agent}");
    }
}

#[tokio::test]
async fn the_proxy_reaches_every_door() {
    for (name, call) in DOORS {
        for (base, begins) in
            [("http://service.invalid", None), ("https://service.invalid", Some("CONNECT service.invalid:443 "))]
        {
            let proxy = Stand::start(Some("502 Bad Gateway"), None).await;
            let url = format!("http://user:pw@127.0.0.1:{}", proxy.port).parse().unwrap();
            let cube = impatient()
                .environment(environment(base))
                .proxy(ProxySetting::Fixed { url, no_proxy: String::new() })
                .danger_allow_clear_text()
                .build();
            let error = call(cube).await.unwrap_err();
            let heads = proxy.heads();
            assert!(!heads.is_empty(), "{name} to {base} did not ask the proxy: {error}");
            match begins {
                Some(begins) => assert!(heads[0].starts_with(begins), "{name}: {}", heads[0]),
                // In absolute form, or by CONNECT where the connection is to stay.
                None => assert!(
                    heads[0].contains(" http://service.invalid") || heads[0].starts_with("CONNECT service.invalid:80 "),
                    "{name}: {}",
                    heads[0]
                ),
            }
            let authorization = heads[0].to_ascii_lowercase().contains("proxy-authorization: basic ");
            assert!(authorization, "{name}: {}", heads[0]);
            assert!(!format!("{error} {error:?}").contains("pw@"), "{error}");
        }
    }
}

#[tokio::test]
async fn extra_authorities_reach_every_door() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    for (name, call) in DOORS {
        let stand = Stand::start(Some("503 Service Unavailable"), Some(tls.clone())).await;
        let base = format!("https://localhost:{}", stand.port);
        let error = call(impatient().environment(environment(&base)).build()).await.unwrap_err();
        // Apollo's first call is the one for a token, whose failure is that of credentials.
        let kind = if name == "apollo" { ErrorKind::Credentials } else { ErrorKind::Connect };
        assert_eq!((error.kind(), stand.heads().len()), (kind, 0), "{name}: {error}");
        assert!(error.to_string().contains("not trusted"), "{name}: {error}");
        let roots = RootCertificates::from_pem(pem.as_bytes()).unwrap();
        let error = call(impatient().environment(environment(&base)).extra_ca(roots).build()).await.unwrap_err();
        assert_eq!(stand.heads().len(), 1, "{name} did not trust the authority: {error}");
    }
}

#[tokio::test]
async fn the_clocks_reach_every_door() {
    let mut clocks = Clocks::default();
    clocks.first_byte = Duration::from_millis(80);
    clocks.attempt = Duration::from_millis(500);
    for (name, call) in DOORS {
        let stand = Stand::start(None, None).await;
        let base = format!("http://127.0.0.1:{}", stand.port);
        let cube = impatient().environment(environment(&base)).clocks(clocks).build();
        let error = tokio::time::timeout(Duration::from_secs(8), call(cube)).await.expect(name).unwrap_err();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut clock = None;
        while let Some(link) = cause {
            clock = clock.or(link.downcast_ref::<Error>().and_then(Error::clock));
            cause = link.source();
        }
        let named = matches!(clock, Some(WhichClock::FirstByte | WhichClock::Attempt | WhichClock::Connect));
        // The call for a token says so as credentials that could not be had in time.
        assert!(named || (name == "apollo" && error.kind() == ErrorKind::Credentials), "{name}: {error:?}");
    }
}

/// Notes what would be sent, and refuses it.
#[derive(Debug, Default)]
struct Recorded(Mutex<Vec<String>>);

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, request: http::Request<bytes::Bytes>) -> Result<Answer> {
        self.0.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let mut answer = http::Response::new(Body::from(bytes::Bytes::new()));
        *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Ok(answer)
    }
}

#[tokio::test]
async fn the_transport_reaches_every_door_that_sends_http_requests() {
    // A tunnel is a connection, which no transport of requests can carry.
    for (name, call) in DOORS.into_iter().filter(|(name, _)| *name != "tunnels") {
        let recorded = Arc::new(Recorded::default());
        let cube = impatient().environment(environment("https://service.invalid")).transport(recorded.clone()).build();
        let error = call(cube).await.unwrap_err();
        let seen = recorded.0.lock().unwrap().clone();
        assert!(seen.len() == 1 && seen[0].contains("service.invalid"), "{name}: {seen:?}, {error}");
    }
}

#[test]
fn every_door_keeps_its_client_and_the_cube_tells_what_it_was_set_up_with() {
    let cube = Cube::builder().environment(environment("https://service.example")).application("fleet", "1").build();
    assert_eq!(cube.edgegate().unwrap().base_url().as_str(), "https://service.example/");
    cube.storage().unwrap();
    cube.apollo().unwrap();
    cube.tunnels().unwrap();
    assert_eq!(cube.cloud().unwrap().base_url().as_str(), "https://service.example/");
    cube.auth().unwrap();
    cube.kube().unwrap();
    cube.apps().unwrap();
    let told = cube.describe().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("fleet/1 cube-sdk/"), "{told}");
    for secret in ["egk_test_1", "cube_key", "AKIAEXAMPLE"] {
        assert!(!format!("{told} {cube:?}").contains(secret), "{told}");
    }
}
