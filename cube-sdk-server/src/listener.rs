//! Serves a router on a TCP port, inside a handle that owns every connection.
//!
//! Handlers find the peer's address as `ConnectInfo<SocketAddr>`, and may take a connection over by an upgrade.

use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use cube_sdk_core::{Error, Result};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tower_service::Service;

/// A served router. Dropping it closes the port and every connection at once;
/// [`shutdown`](Self::shutdown) lets answers in progress finish.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: watch::Sender<Option<Duration>>,
    accepting: JoinHandle<()>,
}

impl Listener {
    /// Binds the address (port 0: any free one) and serves.
    ///
    /// # Errors
    /// `Io`, naming the address, when it cannot be bound.
    pub async fn bind(address: SocketAddr, router: Router) -> Result<Self> {
        let doing = |cause| Error::io(format!("listening on {address}"), cause);
        let socket = TcpListener::bind(address).await.map_err(doing)?;
        let address = socket.local_addr().map_err(doing)?;
        let (stop, stopped) = watch::channel(None);
        let accepting = tokio::spawn(accept(socket, router, stopped));
        Ok(Self { address, stop, accepting })
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, waits up to `grace` for answers in progress, then closes what is left.
    pub async fn shutdown(mut self, grace: Duration) {
        self.stop.send_replace(Some(grace));
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The router of one connection: each of its requests tells where it came from.
#[derive(Clone)]
struct FromPeer {
    router: Router,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for FromPeer {
    type Response = <Router as Service<Request<Incoming>>>::Response;
    type Error = <Router as Service<Request<Incoming>>>::Error;
    type Future = <Router as Service<Request<Incoming>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.call(request)
    }
}

/// The connections live in this task's set, so that aborting the task ends them too.
async fn accept(socket: TcpListener, router: Router, mut stopped: watch::Receiver<Option<Duration>>) {
    let mut connections = JoinSet::new();
    let mut server = auto::Builder::new(TokioExecutor::new());
    // With a timer, hyper ends connections whose request head does not arrive within 30 s.
    server.http1().timer(TokioTimer::new());
    let grace = loop {
        tokio::select! {
            accepted = socket.accept() => {
                let Ok((stream, peer)) = accepted else {
                    // Out of descriptors, or a connection that died in the queue: the next accept may work.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(FromPeer { router: router.clone(), peer });
                let connection =
                    server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
                let mut stopped = stopped.clone();
                connections.spawn(async move {
                    let mut connection = std::pin::pin!(connection);
                    let ended = tokio::select! {
                        ended = connection.as_mut() => ended,
                        () = until_some(&mut stopped) => {
                            connection.as_mut().graceful_shutdown();
                            connection.await
                        }
                    };
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
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

/// Resolves once a time to stop was set, or its setter is gone.
async fn until_some(stopped: &mut watch::Receiver<Option<Duration>>) {
    let _ = stopped.wait_for(Option::is_some).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(address: SocketAddr) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        Ok(reply)
    }

    #[tokio::test]
    async fn an_answer_in_progress_is_finished_and_the_port_is_closed() {
        let (started, mut waiting) = tokio::sync::mpsc::channel(1);
        let (release, held) = watch::channel(false);
        let router = Router::new().route(
            "/",
            get(move || async move {
                started.send(()).await.unwrap();
                held.clone().wait_for(|go| *go).await.unwrap();
                "done"
            }),
        );
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), router).await.unwrap();
        let address = listener.address();
        let asked = tokio::spawn(ask(address));
        waiting.recv().await.unwrap();
        let stopping = tokio::spawn(listener.shutdown(Duration::from_secs(5)));
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        release.send_replace(true);
        assert!(asked.await.unwrap().unwrap().ends_with("done"));
        stopping.await.unwrap();
    }

    #[tokio::test]
    async fn dropping_closes_open_connections() {
        let router = Router::new().route("/", get(std::future::pending::<&str>));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), router).await.unwrap();
        let asked = tokio::spawn(ask(listener.address()));
        tokio::task::yield_now().await;
        drop(listener);
        assert!(asked.await.unwrap().map_or(true, |reply| reply.is_empty()));
    }
}
