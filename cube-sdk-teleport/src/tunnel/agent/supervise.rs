//! Keeps a tunnel connected: one WebSocket at a time, a new one when it is lost, never a byte twice.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cube_sdk_core::retry::Backoff;
use cube_sdk_core::{Error, ErrorKind, Result, WhichClock};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::handle::{Shared, Tunnel, TunnelEvent, TunnelState};
use super::host::AgentHost;
use crate::client::Origin;
use crate::fault::{TunnelErrorExt as _, TunnelFault};
use crate::tunnel::app_name::AppName;
use crate::tunnel::code::TunnelCode;
use crate::tunnel::connect::{Failure, Link, connect};
use crate::tunnel::driver::{ConnectionEnd, Driver};
use crate::tunnel::frame::{Hello, Version};
use crate::tunnel::mux::{Role, Rules};

/// An open attempt that version 2 does not answer with HELLO ends by its own rule after 10 s.
const OPEN_LIMIT: Duration = Duration::from_secs(15);

/// Waits between attempts: 0.1 s to 10 s with full jitter.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// Consumers that take no byte for this long after their connection ended are given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Binds, connects once, and starts the task that keeps the tunnel.
///
/// # Errors
/// What the first attempt ended with; the listener is closed then.
pub(crate) async fn start(origin: Arc<Origin>, app: AppName, bind: &str) -> Result<Tunnel> {
    let listener = TcpListener::bind(bind).await.map_err(|error| {
        Error::io(format!("could not listen on {bind} for app {app}"), error)
            .advice("choose another port, or port 0 for a free one")
    })?;
    let local_addr =
        listener.local_addr().map_err(|error| Error::io("could not read the listener's address", error))?;
    let shared = Arc::new(Shared::new(app, local_addr));
    let mut host = AgentHost::new(Arc::clone(&shared), listener);
    let connection = Connection::open(&origin, &mut host).await.map_err(Failure::into_error)?;
    shared.turn(TunnelState::Connected { version: connection.version });
    let (stop, stopped) = watch::channel(None);
    let supervisor = Supervisor { origin, host, stopped, leftovers: JoinSet::new() };
    let task = tokio::spawn(supervisor.run(connection));
    Ok(Tunnel::new(shared, stop, task.abort_handle()))
}

struct Connection {
    driver: Driver,
    version: Version,
    certain: bool,
}

impl Connection {
    /// Connects, falls back to version 1 where that may help, and waits for HELLO.
    async fn open(origin: &Origin, host: &mut AgentHost) -> Result<Self, Failure> {
        let link = match connect(&origin.settings, origin.is_first_only()).await {
            Err(Failure::FallBack(second)) => match connect(&origin.settings, true).await {
                Ok(link) => {
                    origin.remember_first();
                    link
                }
                // The first refusal tells more than that of the second try.
                Err(_) => return Err(Failure::Error(second)),
            },
            other => other?,
        };
        let Link { io, version, read_ahead, certain } = link;
        let settings = &origin.settings;
        let rules = Rules {
            hello: Hello { window: settings.window, max_data: 256 * 1024, max_streams: settings.max_streams, flags: 0 },
            open_limit: Duration::from_secs(15),
            max_dialling: 0,
            idle_limit: None,
        };
        let counters = Arc::clone(&host.shared.counters);
        let mut driver = Driver::new(io, Role::Agent, version, rules, counters);
        host.proved = false;
        if !driver.preload(&read_ahead) {
            return Err(Failure::Error(Error::new(ErrorKind::Protocol, "the relay sent too much before its HELLO")));
        }
        // Streams wait for HELLO, so there is nothing to accept yet.
        let mut watching = AgentHost::watching(Arc::clone(&host.shared));
        let ready = std::future::poll_fn(|cx| match driver.poll(cx, &mut watching) {
            Poll::Ready(end) => Poll::Ready(Err(end)),
            Poll::Pending if driver.is_ready() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        });
        let outcome = tokio::time::timeout(OPEN_LIMIT, ready).await;
        match outcome {
            Ok(Ok(())) => Ok(Self { driver, version, certain }),
            Ok(Err(end)) => Err(Failure::Error(ended(&origin.settings.endpoint.to_string(), &end))),
            Err(_) => Err(Failure::Error(
                Error::new(ErrorKind::Timeout, "the relay sent no HELLO").with_clock(WhichClock::Connect),
            )),
        }
    }
}

fn ended(endpoint: &str, end: &ConnectionEnd) -> Error {
    TunnelFault::new(TunnelCode::ConnectionLost, end.reason.clone())
        .into_error()
        .with_operation(crate::tunnel::connect::CONNECT)
        .with_target(endpoint)
}

/// Why a connection is left.
enum Left {
    Ended(ConnectionEnd),
    Draining,
    Stop(Duration),
}

struct Supervisor {
    origin: Arc<Origin>,
    host: AgentHost,
    stopped: watch::Receiver<Option<Duration>>,
    leftovers: JoinSet<()>,
}

impl Supervisor {
    async fn run(mut self, first: Connection) {
        let mut connection = first;
        loop {
            let left = self.serve(&mut connection).await;
            let progressed = connection.version == Version::V2 || self.host.proved;
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
            match self.reconnect(reason, progressed).await {
                Ok(next) => connection = next,
                Err(Left::Stop(grace)) => return self.stop(None, grace).await,
                Err(_) => return,
            }
        }
    }

    /// Drives the connection until it ends, drains, or the tunnel is to stop.
    async fn serve(&mut self, connection: &mut Connection) -> Left {
        let (host, driver) = (&mut self.host, &mut connection.driver);
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

    async fn reconnect(&mut self, reason: String, progressed: bool) -> Result<Connection, Left> {
        let mut attempt = u32::from(!progressed);
        let mut reason = reason;
        loop {
            self.host.shared.turn(TunnelState::Reconnecting { attempt, reason: reason.clone() });
            if attempt > 0 {
                let wait = tokio::time::sleep(BACKOFF.wait(attempt));
                tokio::select! {
                    () = wait => {}
                    never = self.host.hold() => match never {},
                    stop = self.stopped.wait_for(Option::is_some) => {
                        return Err(Left::Stop(stop.map_or(Duration::ZERO, |stop| stop.unwrap_or_default())));
                    }
                }
            }
            // Its host serves events only: the listener is busy holding connections meanwhile.
            let mut watching = AgentHost::watching(Arc::clone(&self.host.shared));
            let outcome = tokio::select! {
                outcome = Connection::open(&self.origin, &mut watching) => outcome,
                never = self.host.hold() => match never {},
                stop = self.stopped.wait_for(Option::is_some) => {
                    return Err(Left::Stop(stop.map_or(Duration::ZERO, |stop| stop.unwrap_or_default())));
                }
            };
            attempt = attempt.saturating_add(1);
            match outcome {
                Ok(connection) => {
                    self.host.proved = false;
                    self.host.shared.turn(TunnelState::Connected { version: connection.version });
                    return Ok(connection);
                }
                Err(Failure::Final(error)) => {
                    self.fail(&error);
                    return Err(Left::Draining);
                }
                Err(failure) => reason = failure.into_error().to_string(),
            }
        }
    }

    /// The relay refused the key.
    fn fail(&mut self, error: &Error) {
        self.host.close();
        let fault = error.tunnel().cloned();
        let fault = fault.unwrap_or_else(|| TunnelFault::new(TunnelCode::BadKey, error.message()));
        self.host.shared.turn(TunnelState::Failed(fault));
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
