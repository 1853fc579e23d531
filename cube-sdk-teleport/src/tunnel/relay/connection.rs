//! One connection of a relay, after the upgrade.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::accept::Accepted;
use super::{RelayEvent, Shared, upgraded};
use crate::app_name::AppName;
use crate::ground::Duplex;
use crate::refusal::{Refusal, TunnelCode};
use crate::seam::Caller;
use crate::tunnel::codec::frame::Version;
use crate::tunnel::driver::{ConnectionEnd, DialFuture, Driver, Host};
use crate::tunnel::mux::Role;
use crate::tunnel::report::StreamReport;

/// Numbers connections over all relays of the process, for their events only.
static CONNECTION: AtomicU64 = AtomicU64::new(1);

/// Consumers that take no byte for this long after the connection ended are given up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// What a connection did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionReport {
    /// Its number, as in the events.
    pub connection: u64,
    /// The caller's id.
    pub caller: Arc<str>,
    /// The version spoken.
    pub version: Version,
    /// How it ended.
    pub end: ConnectionEnd,
}

struct RelayHost {
    connection: u64,
    shared: Arc<Shared>,
    caller: Arc<Caller>,
}

impl Host for RelayHost {
    fn dial(&mut self, app: AppName, deadline: Instant) -> Option<DialFuture> {
        let (shared, caller) = (Arc::clone(&self.shared), Arc::clone(&self.caller));
        let work = async move {
            let route = shared.authorizer.authorize(&caller, &app).await?;
            shared.dialer.dial(&route, deadline.into_std()).await
        };
        // A fault in the seams must cost one stream, not the connection.
        Some(Box::pin(AssertUnwindSafe(work).catch_unwind().map(|outcome| {
            outcome.unwrap_or_else(|_| Err(Refusal::new(TunnelCode::Internal, "the relay failed while dialling")))
        })))
    }

    fn opened(&mut self, stream: u32, app: &AppName) {
        let connection = self.connection;
        self.shared.tell(|| RelayEvent::StreamOpened { connection, stream, app: app.clone() });
    }

    fn refused_stream(&mut self, stream: u32, refusal: Refusal) {
        let connection = self.connection;
        self.shared.tell(|| RelayEvent::StreamRefused { connection, stream, refusal });
    }

    fn ended(&mut self, report: StreamReport) {
        tracing::debug!(
            connection = self.connection,
            stream = report.stream,
            app = %report.app,
            sent = report.sent,
            received = report.received,
            ending = %report.ending,
            "tunnel stream ended"
        );
        let connection = self.connection;
        self.shared.tell(|| RelayEvent::StreamEnded { connection, report });
    }
}

impl Accepted {
    /// Drives the connection until it is over. Streams live inside this future: dropping it cuts them all.
    ///
    /// The transport is what the HTTP server upgraded (`TokioIo` around hyper's `Upgraded`, with axum too); set
    /// `TCP_NODELAY` on its socket before. A `TcpStream`, or TLS over one, is looked for below it: where there is none,
    /// small streams wait longer beside bulk.
    ///
    /// # Cancel safety
    /// Dropping it ends the connection at once.
    pub async fn run(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> ConnectionReport {
        let (io, read_ahead) = upgraded::opened(io);
        self.run_from(io, &read_ahead).await
    }

    /// With the bytes that the HTTP server read too far.
    async fn run_from(self, io: Box<dyn Duplex>, read_ahead: &[u8]) -> ConnectionReport {
        let Self { shared, place, caller, version, peer, .. } = self;
        let connection = CONNECTION.fetch_add(1, Ordering::Relaxed);
        let caller = Arc::new(caller);
        let caller_id = caller.shared_id();
        tracing::debug!(connection, caller = caller.id(), %peer, %version, "tunnel connected");
        shared.tell(|| RelayEvent::Connected { connection, caller: Arc::clone(&caller_id), peer, version });

        let mut driver = Driver::new(io, Role::Relay, version, shared.rules(), Arc::clone(&shared.counters));
        let mut host = RelayHost { connection, shared: Arc::clone(&shared), caller: Arc::clone(&caller) };
        let end = if driver.preload(read_ahead) {
            drive(&mut driver, &mut host, &shared, &caller).await
        } else {
            ConnectionEnd::local("more bytes came with the handshake than a handshake can bring")
        };
        drop(place);
        tracing::debug!(connection, reason = %end.reason, code = end.code, "tunnel disconnected");
        shared.tell(|| RelayEvent::Disconnected { connection, end: end.clone() });
        if driver.is_owing() {
            driver.settle(PATIENCE, &mut host).await;
        }
        ConnectionReport { connection, caller: caller_id, version, end }
    }
}

/// The driver, a drain and a revocation, in one poll each.
async fn drive(driver: &mut Driver, host: &mut RelayHost, shared: &Shared, caller: &Caller) -> ConnectionEnd {
    let mut drain = shared.drain.subscribe();
    let revoked = AssertUnwindSafe(shared.authorizer.revoked(caller)).catch_unwind();
    let mut revoked = std::pin::pin!(revoked.fuse());
    loop {
        // A drain that began between the answer and now must not be missed.
        if let Some(grace) = *drain.borrow_and_update() {
            driver.drain(grace);
        }
        let mut changed = std::pin::pin!(drain.changed().fuse());
        let end = std::future::poll_fn(|cx| {
            if let Poll::Ready(outcome) = revoked.as_mut().poll(cx) {
                if outcome.is_err() {
                    tracing::error!(caller = caller.id(), "the authorizer panicked: the caller is sent away");
                }
                // Who cannot be watched any more must not stay.
                driver.revoke();
            }
            if changed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            driver.poll(cx, host).map(Some)
        })
        .await;
        if let Some(end) = end {
            return end;
        }
    }
}
