//! A balancer that ends TLS before the proxy: client certificates and ALPN do not pass it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use cube_sdk_core::{Error, Result};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;

use super::answer::{Body, answer};
use super::proxy::{self, Proxy, Shared};
use super::tasks::Tasks;
use super::{alpn, handshake, websocket};

/// What the balancer does about ALPN.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum BalancerAlpn {
    /// It ignores ALPN: nothing is agreed.
    #[default]
    Ignored,
    /// It speaks `http/1.1` alone and refuses others with alert 120.
    HttpOnly,
    /// It hangs up on clients that offer Teleport's protocols.
    HangsUp,
    /// It does not end TLS at all, and passes the connection on.
    PassesThrough,
}

/// What goes wrong with the connection upgrade.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum BalancerFault {
    /// Nothing.
    #[default]
    None,
    /// The `Upgrade` and `Connection` headers are dropped.
    StripsUpgrade,
    /// Every path is answered with a page of its own.
    AnswersHtml,
    /// The backend counts as down: 503.
    BackendDown,
    /// 101 is passed on, and nothing after it.
    StallsAfterUpgrade,
    /// No answer at all.
    NeverAnswers,
    /// 101 comes back with another sub-protocol.
    LosesProtocol,
    /// 101 comes back without a right `Sec-WebSocket-Accept`.
    WrongAccept,
}

/// A running balancer; ends when dropped.
///
/// ```
/// use cube_sdk_testkit::teleport::{Balancer, BalancerAlpn, BalancerFault, Cluster, Proxy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let cluster = Cluster::new("cube.teleport.sh")?;
/// let proxy = Proxy::start(&cluster).await?;
/// let balancer = Balancer::start(&proxy, BalancerAlpn::HttpOnly).await?;
/// balancer.fail(BalancerFault::StripsUpgrade); // from now on, until it is healed
/// // The client under test dials `balancer.addr()` and trusts `cluster.authority().public_ca_pem()`.
/// assert_ne!(balancer.addr(), proxy.addr());
/// balancer.fail(BalancerFault::None);
/// # Ok(())
/// # }
/// ```
pub struct Balancer {
    addr: SocketAddr,
    mode: Arc<Mutex<(BalancerAlpn, BalancerFault)>>,
    tasks: Tasks,
}

impl std::fmt::Debug for Balancer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Balancer").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Balancer {
    /// Starts a balancer in front of a proxy, on a free loopback port.
    ///
    /// # Errors
    /// `Io` when no port can be bound.
    pub async fn start(proxy: &Proxy, alpn: BalancerAlpn) -> Result<Self> {
        let bound = |cause| Error::io("binding the balancer's port", cause);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(bound)?;
        let addr = listener.local_addr().map_err(bound)?;
        let mode = Arc::new(Mutex::new((alpn, BalancerFault::None)));
        let tasks = Tasks::default();
        let (shared, modes, spawner) = (Arc::clone(proxy.shared()), Arc::clone(&mode), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mode = *modes.lock().unwrap_or_else(PoisonError::into_inner);
                let shared = Arc::clone(&shared);
                spawner.spawn(async move {
                    let _ = serve(&shared, stream, mode).await;
                });
            }
        });
        Ok(Self { addr, mode, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Makes upgrades to come go wrong, or right again.
    pub fn fail(&self, fault: BalancerFault) {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).1 = fault;
    }

    /// Changes what it does about ALPN.
    pub fn alpn(&self, alpn: BalancerAlpn) {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).0 = alpn;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

async fn serve(shared: &Arc<Shared>, mut stream: TcpStream, mode: (BalancerAlpn, BalancerFault)) -> io::Result<()> {
    if mode.0 == BalancerAlpn::PassesThrough {
        let mut proxy = TcpStream::connect(shared.addr).await?;
        return tokio::io::copy_bidirectional(&mut stream, &mut proxy).await.map(|_| ());
    }
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    let foreign =
        start.client_hello().alpn().is_some_and(|mut offered| offered.any(|name| name.starts_with(b"teleport-")));
    if mode.0 == BalancerAlpn::HangsUp && foreign {
        return Ok(());
    }
    let protocols = match mode.0 {
        BalancerAlpn::HttpOnly | BalancerAlpn::HangsUp => vec![alpn::HTTP1.as_bytes().to_vec()],
        BalancerAlpn::Ignored | BalancerAlpn::PassesThrough => Vec::new(),
    };
    let config = handshake::without_clients(shared.public_pair(), protocols).map_err(io::Error::other)?;
    let stream = start.into_stream(Arc::new(config)).await?;
    let service = service_fn(|request| {
        let shared = Arc::clone(shared);
        async move { Ok::<_, Infallible>(forward(&shared, request, mode.1).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
        .map_err(io::Error::other)
}

/// Hands a request to the proxy's HTTP side, as one without a client certificate.
async fn forward(shared: &Arc<Shared>, mut request: Request<Incoming>, fault: BalancerFault) -> Response<Body> {
    match fault {
        BalancerFault::None => {}
        BalancerFault::StripsUpgrade => {
            request.headers_mut().remove(header::UPGRADE);
            request.headers_mut().remove(header::CONNECTION);
        }
        BalancerFault::AnswersHtml => return answer(StatusCode::OK, "<html>welcome</html>"),
        BalancerFault::BackendDown => return answer(StatusCode::SERVICE_UNAVAILABLE, "no healthy backend"),
        BalancerFault::NeverAnswers => return std::future::pending().await,
        BalancerFault::StallsAfterUpgrade => return stall(shared, &mut request),
        BalancerFault::LosesProtocol | BalancerFault::WrongAccept => {
            let mut response = proxy::respond(shared, request, None, false).await;
            let headers = response.headers_mut();
            if fault == BalancerFault::LosesProtocol {
                headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
            } else {
                headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
            }
            return response;
        }
    }
    proxy::respond(shared, request, None, false).await
}

/// A right answer, and silence after it.
fn stall(shared: &Arc<Shared>, request: &mut Request<Incoming>) -> Response<Body> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
    let accept = websocket::accept_key(key);
    let mut response = answer(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(protocol) = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    headers.extend(HeaderValue::from_str(&accept).ok().map(|accept| (header::SEC_WEBSOCKET_ACCEPT, accept)));
    let upgraded = hyper::upgrade::on(request);
    shared.tasks.spawn(async move {
        let _open = upgraded.await;
        std::future::pending::<()>().await;
    });
    response
}
