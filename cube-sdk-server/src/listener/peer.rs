//! What a handler knows of the connection that its request came by.

use std::net::SocketAddr;
use std::sync::Arc;

use super::held::Held;
use super::room::Room;

/// The connection of a request, in the request's extensions.
///
/// A service that finds a valid key calls [`vouch`](Self::vouch): such connections are the last to be closed when there
/// are too many.
///
/// ```
/// use axum::Extension;
/// use cube_sdk_server::listener::Peer;
///
/// async fn handler(Extension(peer): Extension<Peer>) -> String {
///     peer.vouch();
///     format!("you are {}", peer.address())
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone, Debug)]
pub struct Peer {
    held: Arc<Held>,
    room: Arc<Room>,
}

impl Peer {
    pub(super) fn new(held: Arc<Held>, room: Arc<Room>) -> Self {
        Self { held, room }
    }

    /// Where the connection comes from; a proxy, where there is one before the server.
    pub fn address(&self) -> SocketAddr {
        self.held.peer
    }

    /// The caller is known: its connection is no stranger's any more.
    pub fn vouch(&self) {
        self.room.vouch(&self.held);
    }
}
