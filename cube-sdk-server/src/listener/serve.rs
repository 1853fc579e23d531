//! Accepts connections and serves each until it ends, breaks a limit, or has to go.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::held::{Held, Waits};
use super::incoming::Paced;
use super::limits::Limits;
use super::outgoing::{Taken, UnderWay};
use super::peer::Peer;
use super::room::{Room, Seat};
use super::socket::Socket;
use super::tls::Tls;

/// The longest head over HTTP/1, in bytes.
const HEAD: usize = 64 << 10;
/// The longest list of headers over HTTP/2, in bytes.
const HEADERS: u32 = 64 << 10;

/// What serves connections.
pub(super) struct Server {
    router: Router,
    limits: Arc<Limits>,
    http: auto::Builder<TokioExecutor>,
    room: Arc<Room>,
    tls: Option<Tls>,
}

/// Ends every connection, upgraded ones too, when the accepting task is dropped.
struct Closes(Arc<Room>);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Server {
    pub(super) fn new(router: Router, limits: Limits, room: Arc<Room>, tls: Option<Tls>) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // Heads have our own clock, which begins before the version is known and holds for both.
        http.http1().header_read_timeout(None).max_buf_size(HEAD);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.keep_alive)
            .keep_alive_timeout(limits.keep_alive)
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(HEADERS);
        Self { router, limits: Arc::new(limits), http, room, tls }
    }

    /// The connections live in this task's set, so that aborting the task ends them too.
    pub(super) async fn accept(self, socket: TcpListener, mut stopped: watch::Receiver<Option<Duration>>) {
        let mut connections = JoinSet::new();
        let _closes = Closes(self.room.clone());
        let grace = loop {
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        if let Some(seat) = self.room.seat(peer).await {
                            connections.spawn(self.connection(stream, seat, stopped.clone()));
                        } else {
                            tracing::debug!(%peer, "connection refused: there are too many");
                        }
                    }
                    // Out of descriptors, or a connection that died in the queue: the next accept may work.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        self.room.make_room();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                changed = stopped.changed() => {
                    break changed.ok().and_then(|()| *stopped.borrow()).unwrap_or_default();
                }
            }
        };
        drop(socket);
        let _ = tokio::time::timeout(grace, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }

    fn connection(
        &self,
        stream: TcpStream,
        seat: Seat,
        mut stopped: watch::Receiver<Option<Duration>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let _ = stream.set_nodelay(true);
        let alive = TcpKeepalive::new().with_time(self.limits.keep_alive).with_interval(self.limits.keep_alive);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&alive);
        let (held, limits) = (seat.held().clone(), self.limits.clone());
        let service = Watched {
            router: TowerToHyperService::new(self.router.clone()),
            limits: limits.clone(),
            held: held.clone(),
            peer: Peer::new(held.clone(), self.room.clone()),
        };
        let socket = Socket::new(stream, seat);
        let (http, tls) = (self.http.clone(), self.tls.clone());
        async move {
            let serving = async {
                match tls {
                    None => serve(&http, socket, service, &mut stopped).await,
                    Some(tls) => serve(&http, tls.acceptor().accept(socket).await?, service, &mut stopped).await,
                }
            };
            tokio::select! {
                ended = serving => if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                },
                limit = held.overdue(&limits) => tracing::debug!(peer = %held.peer, "connection closed: {limit}"),
                () = ended(&held) => tracing::debug!(peer = %held.peer, "connection closed to make room"),
            }
        }
    }
}

/// Serves one connection to its end, gracefully once it is to stop.
async fn serve(
    http: &auto::Builder<TokioExecutor>,
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: Watched,
    stopped: &mut watch::Receiver<Option<Duration>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut served = std::pin::pin!(http.serve_connection_with_upgrades(TokioIo::new(io), service));
    tokio::select! {
        ended = served.as_mut() => ended,
        () = until_some(stopped) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    }
}

/// Resolves once a time to stop was set, or its setter is gone.
async fn until_some(stopped: &mut watch::Receiver<Option<Duration>>) {
    let _ = stopped.wait_for(Option::is_some).await;
}

/// Resolves once the connection is to end.
async fn ended(held: &Held) {
    std::future::poll_fn(|cx| held.poll_ended(Waits::Task, cx)).await;
}

/// The router, with the books of one connection kept.
struct Watched {
    router: TowerToHyperService<Router>,
    limits: Arc<Limits>,
    held: Arc<Held>,
    peer: Peer,
}

impl Service<Request<Incoming>> for Watched {
    type Response = Response<Taken>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let under_way = UnderWay::begin(self.held.clone(), request.version() >= Version::HTTP_2);
        let (limit, least) = (self.limits.body, self.limits.body_least);
        let mut request = request.map(|body| Body::new(Paced::new(body, limit, least)));
        request.extensions_mut().insert(self.peer.clone());
        request.extensions_mut().insert(ConnectInfo(self.peer.address()));
        let (answered, held) = (self.router.call(request), self.held.clone());
        Box::pin(async move {
            let response = answered.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                held.upgraded();
            }
            Ok(response.map(|body| Taken::new(body, under_way)))
        })
    }
}
