//! Keeps a tunnel connected: one WebSocket at a time, a new one when it is lost, never a byte twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use cube_sdk_core::config::ListenAddress;
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::retry::{Attempt, Backoff, Deadline, Frame, Retrier};
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connect::{CONNECT, Failure, Link, link};
use super::handle::{Shared, Tunnel, TunnelEvent, TunnelState};
use super::host::AgentHost;
use crate::app_name::AppName;
use crate::refusal::TunnelCode;
use crate::tunnel::codec::frame::{Hello, Version};
use crate::tunnel::config::Origin;
use crate::tunnel::driver::{ConnectionEnd, Driver};
use crate::tunnel::fault::{TunnelErrorExt as _, TunnelFault};
use crate::tunnel::mux::{Role, Rules};

/// A relay of version 2 that says no HELLO ends by its own rule after 10 s.
const HELLO_LIMIT: Duration = Duration::from_secs(15);

/// All tries of the first opening together, unless set otherwise.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Waits between tries: 0.1 s to 10 s with full jitter.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// Full jitter may draw nothing, but no two tries follow each other without a wait.
const LEAST_WAIT: Duration = Duration::from_millis(10);

/// A connection that lived so long was a good one, even if no stream was carried.
const LIVED: Duration = Duration::from_secs(10);

/// The longest wish of a relay to be left alone that is granted.
const RETRY_AFTER_CEILING: Duration = Duration::from_secs(120);

/// Streams that this process asks for before the first of them is looked at.
const ASKED: usize = 64;

/// Consumers that take no byte for this long after their connection ended are given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Binds, connects, and starts the task that keeps the tunnel.
///
/// # Errors
/// `Config` for an address that is none; what connecting ended with, the listener is closed then.
pub(crate) async fn start(origin: Arc<Origin>, app: AppName, bind: &str) -> Result<Tunnel> {
    let bind: ListenAddress = bind.parse()?;
    let listener = TcpListener::bind(bind.as_str()).await.map_err(|error| {
        Error::io(format!("could not listen on {bind} for app {app}"), error)
            .advice("choose another port, or port 0 for a free one")
    })?;
    let local_addr =
        listener.local_addr().map_err(|error| Error::io("could not read the listener's address", error))?;
    let shared = Arc::new(Shared::new(app, local_addr));
    let retrier = origin.ground.retrier().clone();
    let connection = Connection::open(&origin, &shared, &retrier).await.map_err(|refused| refused.error)?;
    shared.turn(TunnelState::Connected { version: connection.version });
    let (ask, asked) = mpsc::channel(ASKED);
    let host = AgentHost::new(Arc::clone(&shared), listener, asked);
    let (stop, stopped) = watch::channel(None);
    let supervisor = Supervisor { origin, host, stopped, leftovers: JoinSet::new(), tries: 0 };
    let task = tokio::spawn(supervisor.run_caught(connection));
    Ok(Tunnel::new(shared, stop, ask, task.abort_handle()))
}

struct Connection {
    driver: Driver,
    version: Version,
    certain: bool,
    since: Instant,
}

/// Why there is no connection.
struct Refused {
    error: Error,
    /// The relay knows the key and refuses it.
    is_final: bool,
}

impl Connection {
    /// Connects: one call, one or more attempts.
    async fn open(origin: &Origin, shared: &Arc<Shared>, retrier: &Retrier) -> Result<Self, Refused> {
        let mut own = Clocks::default();
        own.deadline = OPEN_LIMIT;
        let is_final = AtomicBool::new(false);
        let frame = Frame::new(CONNECT)
            .target(origin.endpoint.to_string())
            .deadline(Deadline::after(origin.ground.clocks(own).deadline));
        let outcome = frame.run(retrier, |attempt| {
            let is_final = &is_final;
            async move {
                Self::attempt(origin, shared, &attempt).await.map_err(|failure| {
                    is_final.store(matches!(failure, Failure::Final(_)), Ordering::Relaxed);
                    failure.into_error()
                })
            }
        });
        let outcome = outcome.await;
        outcome.map_err(|error| Refused { error, is_final: is_final.load(Ordering::Relaxed) })
    }

    /// Connects once, and once more as version 1 where that may help.
    async fn attempt(origin: &Origin, shared: &Arc<Shared>, attempt: &Attempt) -> Result<Self, Failure> {
        let as_first = origin.is_first_only();
        let first = match link(origin, as_first, attempt).await {
            Ok(link) => Self::greet(origin, shared, link).await,
            Err(failure) => Err(failure),
        };
        let Err(Failure::FallBack(error)) = first else { return first };
        let second = match link(origin, true, attempt).await {
            Ok(link) => Self::greet(origin, shared, link).await,
            // The first refusal tells more than that of the second try.
            Err(_) => return Err(Failure::Error(error)),
        };
        if second.is_ok() {
            origin.remember_first();
        }
        second
    }

    /// Waits for HELLO.
    async fn greet(origin: &Origin, shared: &Arc<Shared>, link: Link) -> Result<Self, Failure> {
        let Link { io, version, read_ahead, certain } = link;
        let rules = Rules {
            hello: Hello { window: origin.window, max_data: 256 * 1024, max_streams: origin.max_streams, flags: 0 },
            open_limit: Duration::from_secs(15),
            max_dialling: 0,
            idle_limit: None,
        };
        let mut driver = Driver::new(io, Role::Agent, version, rules, Arc::clone(&shared.counters));
        if !driver.preload(&read_ahead) {
            return Err(Failure::Error(Error::new(ErrorKind::Protocol, "the relay sent too much before its HELLO")));
        }
        // Streams wait for HELLO, so there is nothing to accept yet.
        let mut watching = AgentHost::watching(Arc::clone(shared));
        let ready = std::future::poll_fn(|cx| match driver.poll(cx, &mut watching) {
            Poll::Ready(end) => Poll::Ready(Err(end)),
            Poll::Pending if driver.is_ready() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        });
        match tokio::time::timeout(HELLO_LIMIT, ready).await {
            Ok(Ok(())) => Ok(Self { driver, version, certain, since: Instant::now() }),
            Ok(Err(end)) => {
                let error = TunnelFault::new(TunnelCode::ConnectionLost, end.reason)
                    .into_error()
                    .advice("try again later, or see the relay's log: it ended the connection before its first word");
                // A relay of old that wants the key in the URL says so by hanging up. Whether that is seen here or a
                // moment later must make no difference.
                let by_key = version == Version::V1 && !certain && origin.may_fall_back();
                Err(if by_key { Failure::FallBack(error) } else { Failure::Error(error) })
            }
            Err(_) => Err(Failure::Error(
                Error::new(ErrorKind::Timeout, "the relay sent no HELLO").with_clock(WhichClock::Connect),
            )),
        }
    }
}

/// Why a connection is left.
enum Left {
    Ended(ConnectionEnd),
    Draining,
    Stop(Duration),
}

/// Why no more connections are made.
enum Over {
    Stop(Duration),
    /// The relay refused the key.
    Refused(Error),
}

struct Supervisor {
    origin: Arc<Origin>,
    host: AgentHost,
    stopped: watch::Receiver<Option<Duration>>,
    leftovers: JoinSet<()>,
    /// Tries since a connection was a good one.
    tries: u32,
}

/// However the task ends, the handle learns that it did.
impl Drop for Supervisor {
    fn drop(&mut self) {
        if self.host.shared.state.borrow().is_over() {
            return;
        }
        self.host.close();
        let state = match std::thread::panicking() {
            true => TunnelState::Failed(TunnelFault::new(TunnelCode::Internal, "the tunnel's task panicked")),
            false => TunnelState::Stopped,
        };
        self.host.shared.turn(state);
    }
}

impl Supervisor {
    /// A panic ends the tunnel with a state, not the process's log with a mystery.
    async fn run_caught(self, first: Connection) {
        // What it holds is dropped on the way, and nothing of it is looked at afterwards.
        if AssertUnwindSafe(self.run(first)).catch_unwind().await.is_err() {
            tracing::error!("a tunnel's task panicked");
        }
    }

    async fn run(mut self, first: Connection) {
        let mut connection = first;
        loop {
            let left = self.serve(&mut connection).await;
            let lived = connection.since.elapsed() >= LIVED;
            if lived || self.host.proved {
                self.tries = 0;
            }
            let reason = match left {
                Left::Stop(grace) => return self.stop(Some(connection), grace).await,
                Left::Draining => {
                    self.drain(connection);
                    "the relay is about to stop".to_owned()
                }
                Left::Ended(end) => {
                    if !connection.certain && !self.host.proved && connection.version == Version::V1 {
                        self.origin.remember_first();
                    }
                    self.host.put_back(connection.driver.take_unread());
                    self.host.shared.tell(|| TunnelEvent::Disconnected { end: end.clone() });
                    self.hand_over(connection);
                    end.reason
                }
            };
            match self.reconnect(reason, lived).await {
                Ok(next) => connection = next,
                Err(Over::Stop(grace)) => return self.stop(None, grace).await,
                Err(Over::Refused(error)) => return self.fail(&error).await,
            }
        }
    }

    /// Drives the connection until it ends, drains, or the tunnel is to stop.
    async fn serve(&mut self, connection: &mut Connection) -> Left {
        let (host, driver) = (&mut self.host, &mut connection.driver);
        host.proved = false;
        driver.change_host();
        let stop = self.stopped.wait_for(Option::is_some);
        let mut stop = std::pin::pin!(stop);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(stop) = stop.as_mut().poll(cx) {
                // The handle is gone: the task is being aborted.
                let grace = stop.map_or(Duration::ZERO, |stop| stop.unwrap_or_default());
                return Poll::Ready(Left::Stop(grace));
            }
            match driver.poll(cx, host) {
                Poll::Ready(end) => Poll::Ready(Left::Ended(end)),
                Poll::Pending if driver.is_draining() => Poll::Ready(Left::Draining),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Open streams of a relay that drains go on where they are.
    fn drain(&mut self, connection: Connection) {
        let mut driver = connection.driver;
        let mut host = AgentHost::watching(Arc::clone(&self.host.shared));
        let mut stopped = self.stopped.clone();
        self.leftovers.spawn(async move {
            let end = tokio::select! {
                end = driver.run(&mut host) => Some(end),
                Ok(grace) = stopped.wait_for(Option::is_some) => {
                    driver.stop(grace.unwrap_or_default());
                    None
                }
            };
            if end.is_none() {
                driver.run(&mut host).await;
            }
            if driver.is_owing() {
                driver.settle(PATIENCE, &mut host).await;
            }
        });
    }

    /// Streams that are over and still owe bytes to their local side are paid without a connection.
    fn hand_over(&mut self, connection: Connection) {
        if connection.driver.is_owing() {
            let mut host = AgentHost::watching(Arc::clone(&self.host.shared));
            self.leftovers.spawn(async move { connection.driver.settle(PATIENCE, &mut host).await });
        }
        while self.leftovers.try_join_next().is_some() {}
    }

    /// Tries until there is a connection, each time after a wait; the first one at once when the last connection was
    /// long enough ago.
    async fn reconnect(&mut self, reason: String, lived: bool) -> Result<Connection, Over> {
        let mut reason = reason;
        let mut asked = Duration::ZERO;
        let mut at_once = lived;
        loop {
            self.host.shared.turn(TunnelState::Reconnecting { attempt: self.tries, reason: reason.clone() });
            self.tries = self.tries.saturating_add(1);
            let wait = match std::mem::take(&mut at_once) {
                true => Duration::ZERO,
                false => BACKOFF.wait(self.tries).max(LEAST_WAIT).max(asked),
            };
            let (origin, shared) = (&self.origin, Arc::clone(&self.host.shared));
            let next = async {
                tokio::time::sleep(wait).await;
                // Waits and their counter are this loop's own: they live as long as the tunnel.
                Connection::open(origin, &shared, &Retrier::never()).await
            };
            let outcome = tokio::select! {
                outcome = next => outcome,
                never = self.host.hold() => match never {},
                stop = self.stopped.wait_for(Option::is_some) => {
                    return Err(Over::Stop(stop.map_or(Duration::ZERO, |stop| stop.unwrap_or_default())));
                }
            };
            match outcome {
                Ok(connection) => {
                    self.host.shared.turn(TunnelState::Connected { version: connection.version });
                    return Ok(connection);
                }
                Err(Refused { error, is_final: true }) => return Err(Over::Refused(error)),
                Err(Refused { error, .. }) => {
                    asked = error.retry_after().unwrap_or_default().min(RETRY_AFTER_CEILING);
                    reason = error.to_string();
                }
            }
        }
    }

    /// The relay refused the key: no new streams. Those that a draining relay promised time come to their end.
    async fn fail(mut self, error: &Error) {
        self.host.close();
        let fault = error.tunnel().cloned();
        let fault = fault.unwrap_or_else(|| TunnelFault::new(TunnelCode::BadKey, error.message()));
        self.host.shared.turn(TunnelState::Failed(fault));
        while self.leftovers.join_next().await.is_some() {}
    }

    async fn stop(mut self, connection: Option<Connection>, grace: Duration) {
        self.host.close();
        self.host.shared.turn(TunnelState::Stopping);
        if let Some(mut connection) = connection {
            connection.driver.stop(grace);
            // Bounded: the driver cuts after the grace, and waits 1 s for the peer's close.
            connection.driver.run(&mut self.host).await;
        }
        let limit = grace.saturating_add(Duration::from_secs(1));
        tokio::time::timeout(limit, async { while self.leftovers.join_next().await.is_some() {} }).await.ok();
        self.leftovers.shutdown().await;
        self.host.shared.turn(TunnelState::Stopped);
    }
}
