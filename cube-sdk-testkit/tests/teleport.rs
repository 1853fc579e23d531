//! The Teleport double decides as the real proxy does, seen by a client that shares no code with it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cube_sdk_testkit::teleport::{AppKind, Cluster, Credential, KeyForm, Life, Proxy, TbotDirectory};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const KUBE: &str = "kube-teleport-proxy-alpn.teleport.cluster.local";

/// Sends one request over TLS and gives all that comes back; an error when TLS or the flow breaks.
async fn ask(proxy: &Proxy, ca: &str, name: &str, client: Option<&Credential>, path: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        Some(credential) => {
            let certificate = CertificateDer::from_pem_slice(credential.cert_pem.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(credential.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tcp = TcpStream::connect(proxy.addr()).await?;
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    tls.write_all(format!("GET {path} HTTP/1.1\r\nhost: wrong.example.com\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn the_certificate_decides_and_nothing_else() {
    let cluster = Cluster::new("c").unwrap();
    let proxy = Proxy::start(&cluster).await.unwrap();
    let upstream = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    cluster.add_app("web", AppKind::Http, upstream.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = upstream.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    });
    let ca = cluster.authority().public_ca_pem();
    let ask = async |client: Option<&Credential>| ask(&proxy, &ca, "localhost", client, "/x").await;
    let good = cluster.issue("web", KeyForm::default(), Life::default()).unwrap();
    assert!(ask(Some(&good)).await.unwrap().starts_with("HTTP/1.1 200"));
    let none = ask(None).await.unwrap();
    assert!(none.starts_with("HTTP/1.1 302") && none.contains("/web/launch/"), "{none}");
    let expired = cluster.issue("web", KeyForm::default(), Life::over()).unwrap();
    assert!(ask(Some(&expired)).await.unwrap_err().to_string().contains("Expired"));
    let stranger = Cluster::new("other").unwrap();
    stranger.add_app("web", AppKind::Http, proxy.addr());
    let foreign = stranger.issue("web", KeyForm::default(), Life::default()).unwrap();
    assert!(ask(Some(&foreign)).await.unwrap_err().to_string().contains("UnknownCA"));
    cluster.drop_sessions();
    assert!(ask(Some(&good)).await.unwrap().starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn information_is_public() {
    let cluster = Cluster::new("c").unwrap();
    let proxy = Proxy::start(&cluster).await.unwrap();
    let ca = cluster.authority().public_ca_pem();
    let answer = ask(&proxy, &ca, "127.0.0.1", None, "/webapi/find").await.unwrap();
    assert!(answer.contains(&format!("\"public_addr\":\"{}\"", proxy.addr())), "{answer}");
    let bare = ask(&proxy, &ca, "127.0.0.1", None, "/webapi/connectionupgrade").await.unwrap();
    assert!(bare.starts_with("HTTP/1.1 400"), "{bare}");
}

#[tokio::test]
async fn kubernetes_access_is_routed_by_path_or_certificate() {
    let cluster = Cluster::new("c").unwrap();
    let proxy = Proxy::start(&cluster).await.unwrap();
    let ca = cluster.authority().host_ca_pem();
    let v1 = cluster.issue_kube(Some("cube-1"), Life::default()).unwrap();
    let v2 = cluster.issue_kube(None, Life::default()).unwrap();
    let path = format!("/v1/teleport/{}/{}/api", URL_SAFE_NO_PAD.encode("c"), URL_SAFE_NO_PAD.encode("cube-7"));
    let routed = ask(&proxy, &ca, KUBE, Some(&v1), "/api").await.unwrap();
    assert!(routed.contains("\"kubeCluster\":\"cube-1\",\"path\":\"/api\""), "{routed}");
    let routed = ask(&proxy, &ca, KUBE, Some(&v2), &path).await.unwrap();
    assert!(routed.contains("\"kubeCluster\":\"cube-7\",\"path\":\"/api\""), "{routed}");
    assert!(ask(&proxy, &ca, KUBE, Some(&v2), "/api").await.unwrap().starts_with("HTTP/1.1 404"));
    assert!(ask(&proxy, &ca, KUBE, None, "/api").await.is_err(), "a client certificate is mandatory there");
}

#[tokio::test]
async fn tbot_writes_in_place_and_in_order() {
    use std::os::unix::fs::MetadataExt;

    let cluster = Cluster::new("c").unwrap();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("app-db");
    let mut tbot = TbotDirectory::new(&cluster, "db", &path).files(true, true, true);
    assert!(tbot.rotate().await.is_err() && !path.exists(), "an unknown app writes nothing");
    cluster.add_app("db", AppKind::Tcp, "127.0.0.1:1".parse().unwrap());
    tbot.rotate().await.unwrap();
    let look = |name: &str| std::fs::metadata(path.join(name)).unwrap();
    let (before, old) = (look("identity").ino(), std::fs::read(path.join("key")).unwrap());
    let credential = tbot.rotate().await.unwrap();
    assert_eq!(look("identity").ino(), before, "no rename");
    assert_eq!(look("key").mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    assert_ne!(std::fs::read(path.join("key")).unwrap(), old, "a new key each time");
    assert_eq!(std::fs::read_to_string(path.join("tls.crt")).unwrap(), credential.cert_pem);
    let order = ["identity", "tlscert", "key", "tls.crt", "tls.key", "teleport-host-ca.crt"];
    let times: Vec<_> = order.iter().map(|name| (look(name).mtime(), look(name).mtime_nsec())).collect();
    assert!(times.is_sorted(), "{times:?}");
}
