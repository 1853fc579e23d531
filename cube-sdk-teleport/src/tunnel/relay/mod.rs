//! The relay end: takes over upgraded connections, authorises and dials.
//!
//! [`Relay::accept`] judges a request before it is upgraded, [`Accepted::run`] drives the connection after. Both
//! know no HTTP server: with axum or hyper, call `hyper::upgrade::on` yourself, or let [`RelayServer`] do it all.

mod accept;
mod connection;
mod event;
mod lobby;
mod places;
mod server;
mod upgraded;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::{broadcast, watch};

pub use accept::Accepted;
pub use connection::ConnectionReport;
pub use event::RelayEvent;
use places::Places;
pub use server::{RelayServer, ServerTls};

use super::codec::frame::{self, Hello};
use super::counters::{Counters, Traffic};
use super::mux::Rules;
use crate::seam::{Authorizer, Dialer};

/// Settings of a relay; the defaults are those of the protocol's page.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::SecretString;
/// use cube_sdk_core::retry::Retrier;
/// use cube_sdk_teleport::Tunnels;
/// use cube_sdk_teleport::dial::{DirectDialer, Route};
/// use cube_sdk_teleport::tunnel::{Caller, Relay, RelayServer, authorizer_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let door = authorizer_fn(
///     |_key, _peer| async { Ok(Caller::new("first")) },
///     |_caller, app| async { Ok(Route::new(app, "127.0.0.1:5432")) },
/// );
/// let relay = Relay::builder()
///     .connections_per_key(1)
///     .dial_limit(Duration::from_secs(4))
///     .idle_limit(Duration::from_secs(3600))
///     .build(door, DirectDialer::new());
/// let server = RelayServer::bind(relay, "127.0.0.1:0", None).await?;
/// let url: url::Url = format!("ws://{}/tunnel", server.local_addr()?).parse()?;
/// tokio::spawn(server.run(std::future::pending()));
///
/// // Such clients wait for room for a minute; these do not.
/// let builder = Tunnels::builder().url(url).key(SecretString::from("cube_k1")).retrier(Retrier::never());
/// let client = || builder.clone().build();
/// let (first, second) = (client()?, client()?);
/// let tunnel = first.open("db").await?;
/// assert!(second.open("db").await.is_err()); // one connection of a caller at once
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RelayBuilder {
    window: u32,
    max_data: u32,
    max_streams: u32,
    max_dialling: usize,
    per_key: usize,
    total: usize,
    dial_limit: Duration,
    idle_limit: Option<Duration>,
}

impl Default for RelayBuilder {
    fn default() -> Self {
        Self {
            window: 256 * 1024,
            max_data: 256 * 1024,
            max_streams: 256,
            max_dialling: 64,
            per_key: 32,
            total: 1024,
            dial_limit: Duration::from_secs(10),
            idle_limit: None,
        }
    }
}

impl RelayBuilder {
    /// Bytes that each stream may send before the first credit. Default 256 KiB; at least 1 KiB, at most 16 MiB.
    pub fn window(mut self, bytes: u32) -> Self {
        self.window = bytes.clamp(1024, 16 << 20);
        self
    }

    /// The longest DATA payload taken. Default 256 KiB; at least 1 KiB, at most 1 MiB.
    pub fn max_data(mut self, bytes: u32) -> Self {
        self.max_data = bytes.clamp(1024, 1 << 20);
        self
    }

    /// Streams of one connection, open or dialling. Default 256; at least 1, at most 16 384.
    pub fn max_streams(mut self, streams: u32) -> Self {
        self.max_streams = streams.clamp(1, 16_384);
        self
    }

    /// Dials of one connection at once; further streams wait their turn. Default 64.
    pub fn max_dialling(mut self, dials: usize) -> Self {
        self.max_dialling = dials.max(1);
        self
    }

    /// Connections of one caller. Default 32.
    pub fn connections_per_key(mut self, connections: usize) -> Self {
        self.per_key = connections;
        self
    }

    /// Connections in all. Default 1 024.
    pub fn connections(mut self, connections: usize) -> Self {
        self.total = connections;
        self
    }

    /// From CONNECT to CONNECTED or ERROR. Default 10 s.
    pub fn dial_limit(mut self, limit: Duration) -> Self {
        self.dial_limit = limit;
        self
    }

    /// Streams without a byte either way for this long are closed. Default: never.
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.idle_limit = Some(limit);
        self
    }

    /// Makes the relay. Nothing is spawned.
    pub fn build(self, authorizer: impl Authorizer, dialer: impl Dialer) -> Relay {
        self.build_shared(Arc::new(authorizer), Arc::new(dialer))
    }

    /// As [`RelayBuilder::build`], with seams that are shared already.
    pub fn build_shared(self, authorizer: Arc<dyn Authorizer>, dialer: Arc<dyn Dialer>) -> Relay {
        let (events, _) = broadcast::channel(1024);
        let (drain, _) = watch::channel(None);
        Relay(Arc::new(Shared {
            places: Places::new(self.per_key, self.total),
            settings: self,
            authorizer,
            dialer,
            counters: Arc::new(Counters::default()),
            events,
            drain,
        }))
    }
}

struct Shared {
    settings: RelayBuilder,
    authorizer: Arc<dyn Authorizer>,
    dialer: Arc<dyn Dialer>,
    places: Places,
    counters: Arc<Counters>,
    events: broadcast::Sender<RelayEvent>,
    drain: watch::Sender<Option<Duration>>,
}

impl Shared {
    fn tell(&self, event: impl FnOnce() -> RelayEvent) {
        if self.events.receiver_count() > 0 {
            // It fails only when the last listener left meanwhile.
            self.events.send(event()).ok();
        }
    }

    fn rules(&self) -> Rules {
        let settings = &self.settings;
        Rules {
            hello: Hello {
                window: settings.window,
                max_data: settings.max_data.min((frame::V1_MAX_MESSAGE - frame::HEADER) as u32),
                max_streams: settings.max_streams,
                flags: 0,
            },
            open_limit: settings.dial_limit,
            max_dialling: settings.max_dialling,
            idle_limit: settings.idle_limit,
        }
    }
}

/// What a drain came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DrainReport {
    /// Connections that were open when it began.
    pub connections: usize,
    /// Connections that had not ended in time; their tasks are still to be dropped by those who run them.
    pub left: usize,
}

/// The relay end of tunnels. Cheap to clone; every clone is the same relay.
///
/// ```
/// use cube_sdk_teleport::dial::{DirectDialer, Route};
/// use cube_sdk_teleport::tunnel::{Caller, Refusal, Relay, TunnelCode, authorizer_fn};
/// use secrecy::ExposeSecret as _;
///
/// let door = authorizer_fn(
///     |key, _peer| async move {
///         match key.expose_secret() {
///             "cube_k1" => Ok(Caller::new("first")),
///             _ => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")),
///         }
///     },
///     |_caller, app| async { Ok(Route::new(app, "127.0.0.1:5432")) },
/// );
/// let relay = Relay::builder().build(door, DirectDialer::new()); // then a RelayServer, or accept in your own server
/// assert_eq!(relay.connections(), 0);
/// ```
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

impl Relay {
    /// Settings to start from.
    pub fn builder() -> RelayBuilder {
        RelayBuilder::default()
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.0.places.taken()
    }

    /// What moved over all connections since the relay was made.
    pub fn traffic(&self) -> Traffic {
        self.0.counters.traffic()
    }

    /// What happens from now on. A listener that falls more than 1 024 events behind gets
    /// [`RelayEvent::Missed`].
    pub fn events(&self) -> Pin<Box<dyn Stream<Item = RelayEvent> + Send>> {
        super::events::events(self.0.events.subscribe(), RelayEvent::Missed)
    }

    /// Refuses new connections with 503, tells agents to open new streams elsewhere, lets open streams end by
    /// themselves for `grace`, and cuts the rest. Returns once every connection has ended, at the latest 3 s after
    /// `grace`.
    ///
    /// # Cancel safety
    /// Dropping it stops the waiting; the drain goes on.
    pub async fn drain(&self, grace: Duration) -> DrainReport {
        let connections = self.connections();
        self.0.drain.send_replace(Some(grace));
        let limit = grace.saturating_add(Duration::from_secs(3));
        let left = match tokio::time::timeout(limit, self.0.places.empty()).await {
            Ok(()) => 0,
            Err(_) => self.connections(),
        };
        DrainReport { connections, left }
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
