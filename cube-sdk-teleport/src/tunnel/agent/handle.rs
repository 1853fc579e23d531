//! The handle of a running tunnel.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cube_sdk_core::Result;
use futures_core::Stream;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;

use crate::app_name::AppName;
use crate::refusal::TunnelCode;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::counters::{Counters, Traffic};
use crate::tunnel::driver::ConnectionEnd;
use crate::tunnel::fault::TunnelFault;
use crate::tunnel::pipe::{Far, TunnelStream, gone, pipe};
use crate::tunnel::report::{Ending, StreamReport};

/// Where a tunnel stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TunnelState {
    /// The relay is there; local connections become streams.
    Connected {
        /// The version spoken.
        version: Version,
    },
    /// The relay is away; local connections wait, unread, for at most 15 s.
    Reconnecting {
        /// Attempts since it was there.
        attempt: u32,
        /// Why it is away, or why the last attempt failed.
        reason: String,
    },
    /// Stopping on request: no new streams.
    Stopping,
    /// Stopped on request.
    Stopped,
    /// The relay refused the key; the listener is closed. Open the tunnel again with a valid key.
    Failed(TunnelFault),
}

impl TunnelState {
    /// Nothing changes any more.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Stopped | Self::Failed(_))
    }
}

impl fmt::Display for TunnelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { version } => write!(f, "running (version {version})"),
            Self::Reconnecting { reason, .. } => write!(f, "reconnecting: {reason}"),
            Self::Stopping => f.write_str("stopping"),
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(fault) => write!(f, "failed: {fault}"),
        }
    }
}

/// What happens in a tunnel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TunnelEvent {
    /// The state changed.
    State(TunnelState),
    /// A stream was opened.
    StreamOpened {
        /// Its id.
        stream: u32,
    },
    /// A stream ended, or was refused.
    StreamEnded {
        /// What it did.
        report: StreamReport,
    },
    /// A local connection got no stream and was reset.
    LocalRefused {
        /// Why.
        code: TunnelCode,
    },
    /// The connection to the relay ended.
    Disconnected {
        /// How.
        end: ConnectionEnd,
    },
    /// The listener was too slow: so many events were dropped.
    Missed(u64),
}

/// What a shutdown came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Streams that were open when it began and came to their end.
    pub completed: u64,
    /// Streams that were cut.
    pub cut: u64,
    /// The tunnel did not stop in time and was aborted.
    pub aborted: bool,
}

/// What the handle and the task share.
pub(crate) struct Shared {
    pub(super) app: AppName,
    pub(super) local_addr: SocketAddr,
    pub(super) counters: Arc<Counters>,
    pub(super) state: watch::Sender<TunnelState>,
    pub(super) events: broadcast::Sender<TunnelEvent>,
    completed: AtomicU64,
    cut: AtomicU64,
}

impl Shared {
    pub(super) fn new(app: AppName, local_addr: SocketAddr) -> Self {
        let first = TunnelState::Reconnecting { attempt: 0, reason: "not connected yet".to_owned() };
        Self {
            app,
            local_addr,
            counters: Arc::new(Counters::default()),
            state: watch::Sender::new(first),
            events: broadcast::channel(1024).0,
            completed: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        }
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> TunnelEvent) {
        if self.events.receiver_count() > 0 {
            // It fails only when the last listener left meanwhile.
            self.events.send(event()).ok();
        }
    }

    pub(super) fn turn(&self, state: TunnelState) {
        tracing::debug!(app = %self.app, %state, "tunnel state");
        self.state.send_replace(state.clone());
        self.tell(|| TunnelEvent::State(state));
    }

    pub(super) fn count(&self, ending: &Ending) {
        let counter = if *ending == Ending::Completed { &self.completed } else { &self.cut };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A running tunnel: a local listener whose connections reach one app.
///
/// Cheap to clone. When the last clone is dropped, the tunnel is aborted; a registry that it was opened from holds
/// one, so stop it there or with [`Tunnel::shutdown`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_core::SecretString;
/// use cube_sdk_teleport::Tunnels;
/// use cube_sdk_teleport::tunnel::TunnelState;
/// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = app.local_addr()?.to_string();
/// # tokio::spawn(async move {
/// #     while let Ok((mut stream, _)) = app.accept().await {
/// #         tokio::spawn(async move {
/// #             let (mut from, mut to) = stream.split();
/// #             tokio::io::copy(&mut from, &mut to).await
/// #         });
/// #     }
/// # });
/// # let door = cube_sdk_teleport::tunnel::authorizer_fn(
/// #     |_key, _peer| async { Ok(cube_sdk_teleport::tunnel::Caller::new("first")) },
/// #     move |_caller, app| {
/// #         let route = cube_sdk_teleport::dial::Route::new(app, address.clone());
/// #         async move { Ok(route) }
/// #     },
/// # );
/// # let dialer = cube_sdk_teleport::dial::DirectDialer::new();
/// # let relay = cube_sdk_teleport::tunnel::Relay::builder().build(door, dialer);
/// # let relay = cube_sdk_teleport::tunnel::RelayServer::bind(relay, "127.0.0.1:0", None).await?;
/// # let url: url::Url = format!("ws://{}/tunnel", relay.local_addr()?).parse()?;
/// # tokio::spawn(relay.run(std::future::pending()));
/// let tunnels = Tunnels::builder().url(url).key(SecretString::from("cube_k1")).build()?;
/// let tunnel = tunnels.open("echo").await?;
/// assert!(matches!(tunnel.state(), TunnelState::Connected { .. }));
/// let mut stream = tunnel.connect().await?; // a stream of this program, past the local port
/// stream.write_all(b"ping").await?;
/// let mut back = [0; 4];
/// stream.read_exact(&mut back).await?;
/// assert_eq!(&back, b"ping");
/// tunnel.shutdown(Duration::from_secs(5)).await;
/// assert_eq!(tunnel.closed().await, TunnelState::Stopped);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tunnel(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Duration>>,
    ask: mpsc::Sender<Far>,
    task: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // One that has failed only waits for what a draining relay promised to its streams.
        if !matches!(*self.shared.state.borrow(), TunnelState::Failed(_)) {
            self.task.abort();
        }
    }
}

impl Tunnel {
    pub(super) fn new(
        shared: Arc<Shared>,
        stop: watch::Sender<Option<Duration>>,
        ask: mpsc::Sender<Far>,
        task: AbortHandle,
    ) -> Self {
        Self(Arc::new(Inner { shared, stop, ask, task }))
    }

    /// A stream to the app within this process, without a local port: to hand to a database driver or to hyper. While
    /// the relay is away it waits, at most 15 s.
    ///
    /// # Errors
    /// What the relay refused the stream with, such as `NotFound` for an unknown app; `Closed` when the tunnel is over.
    ///
    /// # Cancel safety
    /// Safe: the stream is given up.
    pub async fn connect(&self) -> Result<TunnelStream> {
        let (near, far) = pipe();
        if self.state().is_over() || self.0.ask.send(far).await.is_err() {
            return Err(gone(&self.state()));
        }
        near.holding(self.0.clone()).opened().await.map_err(|error| error.with_target(format!("app {}", self.app())))
    }

    /// The app that it leads to.
    pub fn app(&self) -> &AppName {
        &self.0.shared.app
    }

    /// Where it listens, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.shared.local_addr
    }

    /// Where it stands.
    pub fn state(&self) -> TunnelState {
        self.0.shared.state.borrow().clone()
    }

    /// Open streams, bytes and the round trip.
    pub fn traffic(&self) -> Traffic {
        self.0.shared.counters.traffic()
    }

    /// What happens from now on.
    pub fn events(&self) -> Pin<Box<dyn Stream<Item = TunnelEvent> + Send>> {
        crate::tunnel::events::events(self.0.shared.events.subscribe(), TunnelEvent::Missed)
    }

    /// Waits until it is stopped or has failed, and gives that state.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn closed(&self) -> TunnelState {
        let mut state = self.0.shared.state.subscribe();
        match state.wait_for(TunnelState::is_over).await {
            Ok(state) => state.clone(),
            // The sender lives in `self`.
            Err(_) => TunnelState::Stopped,
        }
    }

    /// Closes the listener, lets open streams end by themselves for `grace`, cuts the rest, and closes the
    /// connection. Takes at most 3 s more than `grace`; never hangs. Calling it again waits for the same end.
    ///
    /// # Cancel safety
    /// Dropping it stops the waiting; the stop goes on.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        let shared = &self.0.shared;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let before = (count(&shared.completed), count(&shared.cut));
        self.0.stop.send_if_modified(|stop| stop.is_none_or(|old| grace < old).then(|| *stop = Some(grace)).is_some());
        let aborted = tokio::time::timeout(grace.saturating_add(Duration::from_secs(3)), self.closed()).await.is_err();
        if aborted {
            self.abort();
        }
        ShutdownReport { completed: count(&shared.completed) - before.0, cut: count(&shared.cut) - before.1, aborted }
    }

    /// Ends it at once: every stream is reset, nothing is said to the relay.
    pub fn abort(&self) {
        self.0.task.abort();
        if !self.state().is_over() {
            self.0.shared.turn(TunnelState::Stopped);
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("app", self.app())
            .field("local_addr", &self.local_addr())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
