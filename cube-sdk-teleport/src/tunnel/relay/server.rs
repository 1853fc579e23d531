//! A small HTTP server around a relay: `GET /tunnel` over TCP or TLS, and nothing else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::config::ListenAddress;
use cube_sdk_core::{Error, ErrorKind, Result};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::accept::refused;
use super::lobby::{Lobby, Pass};
use super::{Accepted, DrainReport, Relay, RelayEvent};
use crate::ground::Duplex;
use crate::ground::connect::tune;

/// The head of a request must be complete within this time, and so must a TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A server certificate with its key.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

impl ServerTls {
    /// From PEM texts: the chain, leaf first, and the private key.
    ///
    /// # Errors
    /// `Config` when either holds no such item or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self> {
        crate::ground::tls::server(chain, key).map(|config| Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls")
    }
}

/// Serves a relay on a listener. Its connections live inside [`RelayServer::run`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_teleport::dial::{DirectDialer, Route};
/// use cube_sdk_teleport::tunnel::{Caller, Relay, RelayServer, authorizer_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let door = authorizer_fn(
///     |_key, _peer| async { Ok(Caller::new("first")) },
///     |_caller, app| async { Ok(Route::new(app, "127.0.0.1:5432")) },
/// );
/// let relay = Relay::builder().build(door, DirectDialer::new());
/// let server = RelayServer::bind(relay, "127.0.0.1:0", None).await?; // TLS in place of None
/// println!("ws://{}/tunnel", server.local_addr()?);
/// let stop = async { Duration::from_secs(5) }; // in a service: when it is told to stop
/// let report = server.run(stop).await;
/// println!("{report:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RelayServer {
    relay: Relay,
    listener: TcpListener,
    tls: Option<ServerTls>,
    lobby: usize,
}

impl RelayServer {
    /// Listens on an address.
    ///
    /// # Errors
    /// `Config` for an address that is none, `Io` when it cannot be bound.
    pub async fn bind(relay: Relay, address: &str, tls: Option<ServerTls>) -> Result<Self> {
        let address: ListenAddress = address.parse()?;
        let listener = TcpListener::bind(address.as_str())
            .await
            .map_err(|error| Error::io(format!("could not listen on {address}"), error))?;
        Ok(Self { relay, listener, tls, lobby: Lobby::usual() })
    }

    /// Connections that have not shown a key yet; when there are more, the one that waited longest is closed. Default: a
    /// quarter of the files that the process may open, at least 8, at most 256.
    #[must_use]
    pub fn before_key(mut self, connections: usize) -> Self {
        self.lobby = connections;
        self
    }

    /// The address listened on.
    ///
    /// # Errors
    /// `Io` when the system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::io("could not read the listener's address", error))
    }

    /// Serves until `stop` resolves, then drains for the time that it gives.
    ///
    /// # Cancel safety
    /// Dropping it ends every connection at once.
    pub async fn run(self, stop: impl Future<Output = Duration>) -> DrainReport {
        let Self { relay, listener, tls, lobby } = self;
        let mut lobby = Lobby::new(lobby);
        let sent_away = |peer| handshake_failed(&relay, peer, "no key yet, and others wanted in".to_owned());
        let mut tasks = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let grace = loop {
            let accepted = tokio::select! {
                grace = &mut stop => break grace,
                accepted = listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let pass = Pass::default();
                    let task = tasks.spawn(connection(relay.clone(), stream, peer, tls.clone(), pass.clone()));
                    lobby.enter(peer, pass, task).map(sent_away);
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    // Out of file descriptors: who has no key gives one back. Without a pause the loop would spin.
                    lobby.evict().map(sent_away);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        drop(listener);
        let report = relay.drain(grace).await;
        // Connections that are over may still hand their last bytes to slow apps; they had their grace.
        tasks.shutdown().await;
        report
    }
}

async fn connection(relay: Relay, stream: TcpStream, peer: SocketAddr, tls: Option<ServerTls>, pass: Pass) {
    tune(&stream);
    let Some(ServerTls(acceptor)) = tls else { return http(relay, Transport::Plain(stream), peer, pass).await };
    match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => http(relay, Transport::Tls(Box::new(stream)), peer, pass).await,
        Ok(Err(error)) => handshake_failed(&relay, peer, format!("tls: {error}")),
        Err(_) => handshake_failed(&relay, peer, "tls: no handshake within 10 s".to_owned()),
    }
}

fn handshake_failed(relay: &Relay, peer: SocketAddr, reason: String) {
    tracing::debug!(%peer, reason, "handshake failed");
    relay.0.tell(|| RelayEvent::HandshakeFailed { peer, reason });
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

async fn http(relay: Relay, transport: Transport, peer: SocketAddr, pass: Pass) {
    match transport {
        Transport::Plain(stream) => one_request(relay, stream, peer, pass).await,
        Transport::Tls(stream) => one_request(relay, *stream, peer, pass).await,
    }
}

/// Answers requests of one connection until one is upgraded, then runs the tunnel in this same task.
async fn one_request<T: Duplex + 'static>(relay: Relay, stream: T, peer: SocketAddr, pass: Pass) {
    let (accepted_in, mut accepted) = tokio::sync::mpsc::channel::<(Accepted, hyper::upgrade::OnUpgrade)>(1);
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let (relay, accepted_in) = (relay.clone(), accepted_in.clone());
        async move { Ok::<_, Infallible>(answer(&relay, request, peer, &accepted_in).await.map(Full::new)) }
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_LIMIT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = http.await {
        handshake_failed(&relay, peer, format!("http: {error}"));
    }
    let Ok((accepted, upgrade)) = accepted.try_recv() else { return };
    pass.admit();
    let Ok(upgraded) = upgrade.await else { return };
    accepted.run(TokioIo::new(upgraded)).await;
}

async fn answer(
    relay: &Relay,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    accepted_in: &tokio::sync::mpsc::Sender<(Accepted, hyper::upgrade::OnUpgrade)>,
) -> Response<Bytes> {
    if request.uri().path() != "/tunnel" {
        return refused(StatusCode::NOT_FOUND, "not_found", "this server has /tunnel only");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    match relay.accept(&parts, peer).await {
        Ok(accepted) => {
            let response = accepted.response();
            match accepted_in.try_send((accepted, upgrade)) {
                Ok(()) => response,
                Err(_) => {
                    let kind = ErrorKind::Protocol;
                    refused(StatusCode::BAD_REQUEST, "bad_request", &format!("{kind}: a second upgrade"))
                }
            }
        }
        Err(response) => response,
    }
}
