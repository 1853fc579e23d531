//! Serves a router on a TCP port, over HTTP/1 and HTTP/2, inside a handle that owns every connection.
//!
//! Connections that hold the server up are closed by [`Limits`]; who has a valid key goes last ([`Peer::vouch`]).

mod held;
mod incoming;
mod limits;
mod outgoing;
mod peer;
mod room;
mod serve;
mod socket;
mod tls;
mod upgraded;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cube_sdk_core::{Error, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::incoming::Stalled;
pub use self::limits::Limits;
pub use self::peer::Peer;
use self::room::Room;
use self::serve::Server;
pub use self::tls::Tls;
pub(crate) use self::upgraded::below;
use crate::lasting::lasting;

/// A served router. Dropping it closes the port and every connection at once;
/// [`shutdown`](Self::shutdown) lets answers in progress finish.
///
/// ```
/// use std::time::Duration;
///
/// use axum::{Router, routing::get};
/// use cube_sdk_server::listener::{Limits, Listener};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let router = Router::new().route("/", get(|| async { "hello" }));
/// let limits = Limits::default().connections(100).head(Duration::from_secs(5));
/// let listener = Listener::bind_with(([127, 0, 0, 1], 0).into(), router, limits).await?;
/// println!("listening on {}", listener.url());
/// listener.shutdown(Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    scheme: &'static str,
    room: Arc<Room>,
    stop: watch::Sender<Option<Duration>>,
    accepting: JoinHandle<()>,
    /// Follows the files of the certificate.
    following: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds the address (port 0: any free one) and serves within the limits' defaults.
    ///
    /// # Errors
    /// `Io`, naming the address, when it cannot be bound.
    pub async fn bind(address: SocketAddr, router: Router) -> Result<Self> {
        Self::bind_with(address, router, Limits::default()).await
    }

    /// Binds the address (port 0: any free one) and serves within these limits.
    ///
    /// # Errors
    /// `Io`, naming the address, when it cannot be bound.
    pub async fn bind_with(address: SocketAddr, router: Router, limits: Limits) -> Result<Self> {
        Self::serve(address, router, limits, None).await
    }

    /// As [`Self::bind_with`], over TLS. A connection's handshake is part of the time that [`Limits::head`] gives it.
    ///
    /// # Errors
    /// `Io`, naming the address, when it cannot be bound.
    pub async fn bind_tls(address: SocketAddr, router: Router, limits: Limits, tls: Tls) -> Result<Self> {
        Self::serve(address, router, limits, Some(tls)).await
    }

    async fn serve(address: SocketAddr, router: Router, limits: Limits, tls: Option<Tls>) -> Result<Self> {
        let doing = |cause| Error::io(format!("listening on {address}"), cause);
        let socket = TcpListener::bind(address).await.map_err(doing)?;
        let address = socket.local_addr().map_err(doing)?;
        let (stop, stopped) = watch::channel(None);
        let room = Room::new(&limits);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let following =
            tls.clone().map(|tls| tokio::spawn(lasting("following the certificate", move || tls.clone().follow())));
        let server = Server::new(router, limits, room.clone(), tls);
        let accepting = tokio::spawn(server.accept(socket, stopped));
        Ok(Self { address, scheme, room, stop, accepting, following })
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS` or `https://ADDRESS`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How many connections there are, upgraded ones too.
    pub fn connections(&self) -> usize {
        self.room.count()
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
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

#[cfg(test)]
mod tests;
