//! A relay of ours in this process, for third parties to talk to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use cube_sdk::SecretString;
use cube_sdk::byo::Sha256;
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::core::transport::RootCertificates;
use cube_sdk::teleport::Tunnels;
use cube_sdk::teleport::dial::{AppConfig, Dialer, Route};
use cube_sdk::teleport::tunnel::{
    AppName, Authorizer, Caller, Protocol, Refusal, Relay, RelayServer, ServerTls, TunnelCode,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// The key that opens tunnels; its last characters are reserved in URLs.
pub const KEY: &str = "k-good+/&x";

/// A running relay on loopback; ends when dropped.
#[derive(Debug)]
pub struct OwnRelay {
    /// The relay.
    pub relay: Relay,
    /// Its address as agents are given it.
    pub url: Url,
    authority: Option<String>,
    server: JoinHandle<()>,
}

impl OwnRelay {
    /// A relay to apps by name and address, over TLS with an authority of its own if `tls`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(apps: &[(&str, SocketAddr)], dialer: impl Dialer, tls: bool) -> Self {
        let apps = apps.iter().map(|(name, addr)| ((*name).to_owned(), *addr)).collect();
        let relay = Relay::builder().build(Door(apps), dialer);
        let (certificate, authority) = if tls { certified() } else { (None, None) };
        let server = RelayServer::bind(relay.clone(), "127.0.0.1:0", certificate).await.expect("a free port");
        let addr = server.local_addr().expect("a bound socket has an address");
        let scheme = if tls { "wss" } else { "ws" };
        let server = tokio::spawn(async move {
            server.run(std::future::pending::<Duration>()).await;
        });
        Self { relay, url: format!("{scheme}://{addr}").parse().expect("a URL"), authority, server }
    }

    /// Agents of ours that trust its authority.
    ///
    /// # Panics
    /// When the settings are refused.
    pub fn tunnels(&self, protocol: Protocol) -> Tunnels {
        let mut builder = Tunnels::builder().url(self.url.clone()).key(SecretString::from(KEY)).protocol(protocol);
        if let Some(authority) = &self.authority {
            let authority = RootCertificates::from_pem(authority.as_bytes()).expect("an authority of our own");
            builder = builder.extra_ca(authority);
        }
        builder.build().expect("the settings are right")
    }
}

impl Drop for OwnRelay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Lets [`KEY`] reach every app of the table.
struct Door(BTreeMap<String, SocketAddr>);

#[async_trait]
impl Authorizer for Door {
    async fn authenticate(&self, key: &SecretString, _peer: SocketAddr) -> Result<Caller, Refusal> {
        if key.expose_secret() == KEY {
            Ok(Caller::new("good"))
        } else {
            Err(Refusal::new(TunnelCode::BadKey, "the key is unknown"))
        }
    }

    async fn authorize(&self, _caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        let addr = self.0.get(app.as_str());
        let addr = addr.ok_or_else(|| Refusal::new(TunnelCode::UnknownApp, format!("no app `{app}`")))?;
        Ok(Route::new(app.clone(), addr.to_string()).with(AppConfig::new(app.clone())))
    }
}

/// A certificate for loopback, and the authority that signed it.
fn certified() -> (Option<ServerTls>, Option<String>) {
    let key = || KeyPair::generate().expect("a key pair");
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, key()).expect("an authority");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let leaf_key = key();
    let leaf = CertificateParams::new(names).and_then(|leaf| leaf.signed_by(&leaf_key, &root)).expect("a certificate");
    let tls = ServerTls::from_pem(leaf.pem().as_bytes(), leaf_key.serialize_pem().as_bytes());
    (Some(tls.expect("certificate and key belong together")), Some(root.pem()))
}

/// Serves an app on a loopback port for as long as the runtime lives.
///
/// # Panics
/// When no port is free.
pub async fn app<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    addr
}

/// Sends everything back, then ends its direction.
pub async fn echo(mut stream: TcpStream) {
    let (mut read, mut write) = stream.split();
    if tokio::io::copy(&mut read, &mut write).await.is_ok() {
        let _ = write.shutdown().await;
    }
}

/// Says nothing until the other direction has ended, then answers with the 32 bytes of the SHA-256.
pub async fn digest(mut stream: TcpStream) {
    let mut heard = Vec::new();
    if stream.read_to_end(&mut heard).await.is_ok() {
        let _ = stream.write_all(Sha256::of(&heard).as_bytes()).await;
    }
}
