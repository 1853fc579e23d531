//! The proxy: one TCP port, TLS with optional client certificates, protocols told apart by ALPN.

mod http_side;
mod tcp_side;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

pub(crate) use http_side::respond;

use super::authority::{Authority, ServerPair};
use super::cluster::Cluster;
use super::tasks::Tasks;
use super::{alpn, handshake};

/// How the proxy behaves; may be changed while it runs, for connections to come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Behaviour {
    /// False: an old server, which lacks the ping variants.
    pub ping: bool,
    /// False: something that speaks HTTP and no Teleport protocol for apps.
    pub tcp_apps: bool,
    /// Time between pings, 30 s in truth.
    pub ping_every: Duration,
    /// Accepts TCP connections and says nothing.
    pub mute: bool,
    /// Closes each connection after the ClientHello.
    pub hang_up: bool,
    /// What `/webapi/find` names as the proxy's public address; none for the listener's own.
    pub public_addr: Option<String>,
    /// The certificate shown on the port.
    pub certificate: ServerCertificate,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            ping: true,
            tcp_apps: true,
            ping_every: Duration::from_millis(20),
            mute: false,
            hang_up: false,
            public_addr: None,
            certificate: ServerCertificate::Public,
        }
    }
}

/// Which certificate a direct connection is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerCertificate {
    /// Signed by the public authority.
    Public,
    /// Signed by an authority that nobody knows.
    Foreign,
}

/// What the proxy has seen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sightings {
    /// TCP connections accepted.
    pub connections: u64,
    /// Protocols agreed, in order; an empty text stands for none.
    pub alpn: Vec<String>,
    /// Server names that clients asked for.
    pub server_names: Vec<String>,
    /// App sessions whose TCP flows were carried.
    pub sessions: HashSet<String>,
    /// Connection upgrades granted.
    pub upgrades: u64,
    /// Handshakes that failed.
    pub failed_handshakes: u64,
}

pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) addr: SocketAddr,
    pub(crate) tasks: Tasks,
    pub(crate) pings: Arc<AtomicU64>,
    pub(crate) pongs: Arc<AtomicU64>,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Sightings>,
    public: ServerPair,
    host: ServerPair,
    foreign: ServerPair,
}

impl Shared {
    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn saw(&self, note: impl FnOnce(&mut Sightings)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn public_pair(&self) -> &ServerPair {
        &self.public
    }
}

/// Where a connection to the proxy's TLS came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entrance {
    /// Straight to the port.
    Port,
    /// Through the connection upgrade: the host certificate is shown.
    Upgrade,
}

/// A running proxy; ends when dropped.
///
/// ```
/// use cube_sdk_testkit::teleport::{AppKind, Cluster, Proxy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let cluster = Cluster::new("cube.teleport.sh")?;
/// cluster.add_app("db", AppKind::Tcp, "127.0.0.1:5432".parse().unwrap());
/// let proxy = Proxy::start(&cluster).await?;
/// proxy.behave(|behaviour| behaviour.ping = false); // an old server, from the next connection on
/// // The client under test dials `proxy.addr()` and trusts `cluster.authority().public_ca_pem()`.
/// assert_eq!(proxy.seen().connections, 0);
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("addr", &self.shared.addr).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts a proxy of a cluster on a free loopback port.
    ///
    /// # Errors
    /// `Io` when no port can be bound, `Server` when certificates cannot be made.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        let bound = |cause| Error::io("binding the proxy's port", cause);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(bound)?;
        let authority = cluster.authority();
        let shared = Arc::new(Shared {
            addr: listener.local_addr().map_err(bound)?,
            tasks: Tasks::default(),
            pings: Arc::default(),
            pongs: Arc::default(),
            behaviour: Mutex::default(),
            seen: Mutex::default(),
            public: authority.public_server()?,
            host: authority.host_server()?,
            foreign: Authority::new("foreign")?.public_server()?,
            cluster: cluster.clone(),
        });
        let serving = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                serving.saw(|seen| seen.connections += 1);
                let _ = stream.set_nodelay(true);
                serving.tasks.spawn(async move {
                    let _ = serve(&shared, stream, Entrance::Port).await;
                });
            }
        });
        Ok(Self { shared })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// Changes how it behaves towards connections to come.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Sightings {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pings sent in ping framing.
    pub fn pings(&self) -> u64 {
        self.shared.pings.load(Ordering::Relaxed)
    }

    /// WebSocket pongs received from upgraded clients.
    pub fn pongs(&self) -> u64 {
        self.shared.pongs.load(Ordering::Relaxed)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.tasks.abort();
    }
}

/// One connection to the proxy's TLS.
pub(crate) async fn serve<S>(shared: &Arc<Shared>, io: S, entrance: Entrance) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let behaviour = shared.behaviour();
    if behaviour.mute && entrance == Entrance::Port {
        let _open = io;
        return std::future::pending().await;
    }
    let start = match LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io).await {
        Ok(start) => start,
        Err(error) => {
            shared.saw(|seen| seen.failed_handshakes += 1);
            return Err(error);
        }
    };
    if behaviour.hang_up {
        return Ok(());
    }
    let name = start.client_hello().server_name().unwrap_or_default().to_owned();
    let kube = name.starts_with(alpn::KUBE_SNI);
    let pair = match (entrance, behaviour.certificate) {
        (Entrance::Upgrade, _) => &shared.host,
        _ if kube => &shared.host,
        (Entrance::Port, ServerCertificate::Public) => &shared.public,
        (Entrance::Port, ServerCertificate::Foreign) => &shared.foreign,
    };
    let mut config = handshake::with_clients(&shared.cluster, pair, kube).map_err(io::Error::other)?;
    config.alpn_protocols = alpn::offered(behaviour.tcp_apps, behaviour.ping);
    shared.saw(|seen| seen.server_names.push(name));
    let mut stream = match start.into_stream(Arc::new(config)).await {
        Ok(stream) => stream,
        Err(error) => {
            shared.saw(|seen| seen.failed_handshakes += 1);
            return Err(error);
        }
    };
    let (certificates, protocol) = {
        let (_, session) = stream.get_ref();
        let certificates =
            session.peer_certificates().map(|chain| chain.iter().map(|at| at.clone().into_owned()).collect());
        (certificates, String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default()).into_owned())
    };
    shared.saw(|seen| seen.alpn.push(protocol.clone()));
    match protocol.as_str() {
        alpn::TCP => tcp_side::serve(shared, stream, certificates, false).await,
        alpn::TCP_PING => tcp_side::serve(shared, stream, certificates, true).await,
        alpn::REVERSE_TUNNEL => stream.shutdown().await,
        alpn::H2 => stream.shutdown().await,
        _ => http_side::serve(shared, stream, certificates, kube).await,
    }
}
