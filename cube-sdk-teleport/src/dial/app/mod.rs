//! Dialling an app through a Teleport proxy.
//!
//! The client certificate alone decides which app answers; neither SNI nor any header does. One dial is:
//! credential → proxy address → way (direct, or upgraded through a balancer) → TCP → TLS with the
//! certificate and the protocol of the app's kind → ping framing if agreed → the first word. Each step
//! has a clock, each failure an [`AppFault`]. One TLS connection carries one flow; nothing is pooled, so
//! a renewed certificate is used from the next dial on.

mod config;
mod proxy;
mod stream;

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use async_trait::async_trait;
use cube_sdk_core::operation::{Idempotency, Operation};
use cube_sdk_core::retry::{Backoff, Deadline, Retrier, RetryBudget, RetryPolicy};
use cube_sdk_core::{Error, ErrorKind, Result};
use tokio::net::UnixStream;

pub use config::{AppConfig, AppKind, CONN_UPGRADE, DialConfig, Limits, PROXY, ProxyAddr, Upgrade, Via};
pub use stream::AppStream;

use self::proxy::{Known, Way, within};
use self::stream::Leg;
use super::direct::DirectDialer;
use super::upgrade::upgrade;
use super::{Dialer, Route, Upstream, alpn, tls};
use crate::app_fault::{AppErrorExt, AppFault, Step};
use crate::tbot::Identity;
use crate::tbot::watch::Identities;
use crate::tunnel::{Refusal, TunnelCode};

/// One dial of an app. It is not repeated once the far side may have seen it.
pub const DIAL_APP: Operation = Operation::new("teleport", "dial_app", Idempotency::Once);

/// Dials apps through one Teleport proxy. Cheap to clone; clones share what was read and detected.
#[derive(Clone, Debug)]
pub struct AppDialer {
    identities: Identities,
    config: Arc<DialConfig>,
    known: Arc<Known>,
    retrier: Retrier,
}

impl AppDialer {
    /// A dialer with the credentials of `identities`. Reads and connects nothing yet.
    pub fn new(identities: Identities, config: DialConfig) -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        let policy = RetryPolicy::default().max_attempts(2).backoff(backoff);
        Self {
            identities,
            config: Arc::new(config),
            known: Arc::default(),
            retrier: Retrier::new(policy, RetryBudget::default()),
        }
    }

    /// The credentials.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Connects to an app through the proxy, whatever its [`AppConfig::via`] says.
    ///
    /// A proxy that cannot be reached is tried twice, with fresh addresses. A refusal is tried again once
    /// when the directory holds a newer credential by then; a refused protocol once more after the way
    /// was detected anew.
    ///
    /// # Errors
    /// Each carries its [`AppFault`]; see there for kinds and advice.
    ///
    /// # Cancel safety
    /// Safe: the connection is dropped.
    pub async fn connect(&self, app: &AppConfig) -> Result<AppStream> {
        let name = app.name.as_str();
        let deadline = Deadline::after(self.config.limits.total);
        let dialled = self.retrier.run(DIAL_APP, deadline, |_| self.attempt(name, app.kind)).await;
        dialled.map_err(|error| match error.target() {
            Some(_) => error,
            None => error.with_target(format!("app {name}")),
        })
    }

    async fn attempt(&self, name: &str, kind: AppKind) -> Result<AppStream> {
        let identity = self.identities.current(name).await?;
        let error = match self.reach(name, kind, &identity).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        if !matches!(error.app_fault(), Some(AppFault::CredentialRefused | AppFault::RefusedByTeleport)) {
            return Err(error);
        }
        match self.identities.current(name).await {
            Ok(fresh) if !Arc::ptr_eq(&fresh, &identity) => {
                tracing::info!(app = name, "refused, and the credential is newer by now: dialling once more");
                self.reach(name, kind, &fresh).await
            }
            _ => Err(error),
        }
    }

    async fn reach(&self, name: &str, kind: AppKind, identity: &Identity) -> Result<AppStream> {
        let first = self.try_ways(name, kind, identity).await;
        match first.as_ref().err().and_then(AppErrorExt::app_fault) {
            Some(AppFault::AlpnRefused) if self.config.upgrade == Upgrade::Auto => {
                self.known.forget().await;
                self.try_ways(name, kind, identity).await
            }
            // What was learned about an address may be wrong from now on.
            Some(AppFault::UpgradeStripped | AppFault::ProxyUnreachable | AppFault::StepTimedOut(_)) => {
                self.known.forget().await;
                first
            }
            _ => first,
        }
    }

    async fn try_ways(&self, name: &str, kind: AppKind, identity: &Identity) -> Result<AppStream> {
        let named = |error: Error| error.with_target(format!("app {name} via {}", self.config.proxy));
        let addr = self.known.address(&self.config).await.map_err(named)?;
        let ways = self.known.ways(&self.config, &addr).await.map_err(named)?;
        let mut outcome = self.go(&addr, ways[0], name, kind, identity).await;
        if let (Err(error), Some(second)) = (&outcome, ways.get(1))
            && matches!(error.app_fault(), Some(AppFault::AlpnRefused | AppFault::ProxyUnreachable))
        {
            tracing::debug!(app = name, %error, "the direct way failed, trying the connection upgrade");
            outcome = self.go(&addr, *second, name, kind, identity).await;
        }
        outcome
    }

    async fn go(
        &self,
        addr: &ProxyAddr,
        way: Way,
        name: &str,
        kind: AppKind,
        identity: &Identity,
    ) -> Result<AppStream> {
        let (limits, roots) = (&self.config.limits, &self.config.roots);
        let named = |error: Error| error.with_target(format!("app {name} via {addr}"));
        let offer = alpn::offered(kind);
        let (leg, config) = match way {
            Way::Direct => {
                let config = tls::direct(roots, identity, offer).await.map_err(named)?;
                (Leg::Tcp(proxy::connect(addr, limits.connect).await.map_err(named)?), config)
            }
            Way::Upgraded => {
                let config = tls::inside(identity, offer).map_err(named)?;
                (self.upgraded(addr).await.map_err(named)?, config)
            }
        };
        let handshake =
            async { tls::handshake(leg, addr.host(), config).await.map_err(|failure| failure.error("the proxy")) };
        let tls = within(Step::Tls, limits.tls, handshake).await.map_err(named)?;
        let Some(agreed) = alpn::agreed(kind, tls.get_ref().1.alpn_protocol()) else {
            let error = AppFault::AlpnRefused.error("the far end completed TLS without agreeing on a protocol");
            return Err(named(error));
        };
        self.known.worked(addr, way).await;
        let mut stream = AppStream::new(name, tls, agreed);
        stream.confirm(limits.verdict).await.map_err(named)?;
        tracing::debug!(app = name, proxy = %addr, ?way, ?agreed, "app connected");
        Ok(stream)
    }

    async fn upgraded(&self, addr: &ProxyAddr) -> Result<Leg> {
        let limits = &self.config.limits;
        let tcp = proxy::connect(addr, limits.connect).await?;
        let config = tls::anonymous(&self.config.roots, &[alpn::HTTP1]).await?;
        let outer =
            async { tls::handshake(tcp, addr.host(), config).await.map_err(|failure| failure.error("the balancer")) };
        let outer = within(Step::OuterTls, limits.tls, outer).await?;
        let socket = within(Step::Upgrade, limits.upgrade, upgrade(outer, &addr.to_string())).await?;
        Ok(Leg::Upgraded(Box::new(socket)))
    }

    async fn open(&self, app: &AppConfig, route: &Route, deadline: Instant) -> Result<Upstream, Refusal> {
        match &app.via {
            Via::Teleport => match self.connect(app).await {
                Ok(stream) => Ok(Upstream::io(stream, false)),
                Err(error) => Err(refusal(&error)),
            },
            Via::Direct(addr) => {
                DirectDialer::new().dial(&Route::new(route.app().clone(), addr.clone()), deadline).await
            }
            Via::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Ok(Upstream::io(stream, false)),
                Err(cause) => {
                    let fault = AppFault::SocketUnreachable;
                    let error = fault.error(format_args!("{} cannot be reached: {}", path.display(), cause.kind()));
                    Err(refusal(&error.with_target(format!("app {}", app.name))))
                }
            },
        }
    }
}

/// The refusal that an [`AppStream`]'s read reported after the dial; none for an ordinary I/O error.
pub fn refusal_of(error: &std::io::Error) -> Option<Refusal> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    error.app_fault().map(|_| refusal(error))
}

/// A refusal names its fault first: its text may be cut.
fn refusal(error: &Error) -> Refusal {
    let Some(fault) = error.app_fault() else {
        let late = error.kind() == ErrorKind::Timeout;
        let code = if late { TunnelCode::DialTimeout } else { TunnelCode::RefusedUpstream };
        return Refusal::new(code, format!("{}: {}", error.kind(), error.message()));
    };
    let code = if fault.is_credential() { TunnelCode::NoCredential } else { TunnelCode::RefusedUpstream };
    Refusal::new(code, error.message())
}

/// Dials the [`AppConfig`] that the route carries; without one, the route's target as a TCP app through
/// Teleport.
#[async_trait]
impl Dialer for AppDialer {
    async fn dial(&self, route: &Route, deadline: Instant) -> Result<Upstream, Refusal> {
        let app = match route.data::<AppConfig>() {
            Some(app) => app.clone(),
            None => match crate::tunnel::AppName::new(route.target()) {
                Ok(name) => AppConfig::new(name),
                Err(error) => return Err(Refusal::new(TunnelCode::BadName, error.message().to_owned())),
            },
        };
        match tokio::time::timeout_at(deadline.into(), self.open(&app, route, deadline)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::new(TunnelCode::DialTimeout, format!("{} was not reached in time", route.app()))),
        }
    }
}
