//! Dialling an app through a Teleport proxy.
//!
//! The client certificate alone decides which app answers; neither SNI nor any header does. One dial is:
//! credential → proxy address → way (direct, or upgraded through a balancer) → TCP → TLS with the
//! certificate and the protocol of the app's kind → ping framing if agreed → the first word. Each step
//! has a clock, each failure an [`AppFault`]. One TLS connection carries one flow; nothing is pooled, so
//! a renewed certificate is used from the next dial on.

mod proxy;
mod stream;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use cube_sdk_core::operation::{Idempotency, Operation};
use cube_sdk_core::retry::{Deadline, Frame};
use cube_sdk_core::settings::Ground;
use cube_sdk_core::{Error, Result};

pub use super::fault::refusal_of;
pub use stream::AppStream;

use self::proxy::{Known, Way, within};
use self::stream::Leg;
use super::config::{AppConfig, AppKind, DialConfig, ProxyAddr, Upgrade, Via};
use super::direct::DirectDialer;
use super::fault::refusal;
use super::upgrade::upgrade;
use super::{alpn, tls};
use crate::app_fault::{AppErrorExt, AppFault, Step};
use crate::app_name::AppName;
use crate::refusal::{Refusal, TunnelCode};
use crate::seam::{Dialer, Route, Upstream};
use crate::tbot::Identity;
use crate::tbot::watch::Identities;

/// One dial of an app. It is not repeated once the far side may have seen it.
pub const DIAL_APP: Operation = Operation::new("teleport", "dial_app", Idempotency::Once);

/// Dials apps through one Teleport proxy. Cheap to clone; clones share what was read and detected.
///
/// ```
/// use cube_sdk_teleport::AppName;
/// use cube_sdk_teleport::dial::{AppConfig, AppDialer, DialConfig};
/// use cube_sdk_teleport::tbot::{Identities, OutputRoot, ReadPolicy};
/// use tokio::io::AsyncReadExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cube_sdk_testkit::teleport::{AppKind as Kind, Cluster, Proxy, TbotDirectory};
/// # let app = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let cluster = Cluster::new("cube.teleport.sh")?;
/// # cluster.add_app("db", Kind::Tcp, app.local_addr()?);
/// # let outputs = tempfile::tempdir()?;
/// # TbotDirectory::new(&cluster, "db", outputs.path().join("app-db")).rotate().await?;
/// # tokio::spawn(async move {
/// #     let (mut stream, _) = app.accept().await.unwrap();
/// #     tokio::io::AsyncWriteExt::write_all(&mut stream, b"hello").await.unwrap();
/// # });
/// # let proxy = Proxy::start(&cluster).await?;
/// # let config = DialConfig::new(proxy.addr().to_string().parse()?);
/// # let config = config.trust_pem(cluster.authority().public_ca_pem().as_bytes())?;
/// // `config` is DialConfig::from_env(&Environment::process())?, `outputs` the directory that tbot writes into.
/// let identities = Identities::new(OutputRoot::new(outputs.path()), ReadPolicy::default());
/// let dialer = AppDialer::new(identities, config);
/// let mut stream = dialer.connect(&AppConfig::new(AppName::new("db")?)).await?;
/// let mut greeting = [0; 5];
/// stream.read_exact(&mut greeting).await?;
/// assert_eq!(&greeting, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AppDialer {
    identities: Identities,
    config: Arc<DialConfig>,
    known: Arc<Known>,
}

impl AppDialer {
    /// A dialer with the credentials of `identities`. Reads and connects nothing yet.
    pub fn new(identities: Identities, config: DialConfig) -> Self {
        Self { identities, config: Arc::new(config), known: Arc::default() }
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
        let ground = self.config.settings.ground()?;
        let deadline = Deadline::after(self.config.limits.total);
        let frame = Frame::new(DIAL_APP).target(format!("app {name}")).deadline(deadline);
        frame.run(ground.retrier(), |_| self.attempt(&ground, name, app.kind)).await
    }

    async fn attempt(&self, ground: &Ground, name: &str, kind: AppKind) -> Result<AppStream> {
        let identity = self.identities.current(name).await?;
        let error = match self.reach(ground, name, kind, &identity).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        if !matches!(error.app_fault(), Some(AppFault::CredentialRefused | AppFault::RefusedByTeleport)) {
            return Err(error);
        }
        match self.identities.current(name).await {
            Ok(fresh) if !Arc::ptr_eq(&fresh, &identity) => {
                tracing::info!(app = name, "refused, and the credential is newer by now: dialling once more");
                self.reach(ground, name, kind, &fresh).await
            }
            _ => Err(error),
        }
    }

    async fn reach(&self, ground: &Ground, name: &str, kind: AppKind, identity: &Identity) -> Result<AppStream> {
        let first = self.try_ways(ground, name, kind, identity).await;
        match first.as_ref().err().and_then(AppErrorExt::app_fault) {
            Some(AppFault::AlpnRefused) if self.config.upgrade == Upgrade::Auto => {
                self.known.forget();
                self.try_ways(ground, name, kind, identity).await
            }
            // What was learned about an address may be wrong from now on.
            Some(AppFault::UpgradeStripped | AppFault::ProxyUnreachable | AppFault::StepTimedOut(_)) => {
                self.known.forget();
                first
            }
            _ => first,
        }
    }

    async fn try_ways(&self, ground: &Ground, name: &str, kind: AppKind, identity: &Identity) -> Result<AppStream> {
        let named = |error: Error| error.with_target(format!("app {name} via {}", self.config.proxy));
        let addr = self.known.address(&self.config, ground).await.map_err(named)?;
        let ways = self.known.ways(&self.config, ground, &addr).await.map_err(named)?;
        let mut outcome = self.go(ground, &addr, ways[0], name, kind, identity).await;
        if let (Err(error), Some(second)) = (&outcome, ways.get(1))
            && matches!(error.app_fault(), Some(AppFault::AlpnRefused | AppFault::ProxyUnreachable))
        {
            tracing::debug!(app = name, %error, "the direct way failed, trying the connection upgrade");
            outcome = self.go(ground, &addr, *second, name, kind, identity).await;
        }
        outcome
    }

    async fn go(
        &self,
        ground: &Ground,
        addr: &ProxyAddr,
        way: Way,
        name: &str,
        kind: AppKind,
        identity: &Identity,
    ) -> Result<AppStream> {
        let (limits, roots) = (&self.config.limits, ground.roots());
        let named = |error: Error| error.with_target(format!("app {name} via {addr}"));
        let offer = alpn::offered(kind);
        let (leg, config) = match way {
            Way::Direct => {
                let config = tls::direct(roots, identity, offer).await.map_err(named)?;
                (Leg::Direct(proxy::connect(ground, addr, limits.connect).await.map_err(named)?), config)
            }
            Way::Upgraded => {
                let config = tls::inside(identity, offer).map_err(named)?;
                (self.upgraded(ground, addr).await.map_err(named)?, config)
            }
        };
        let handshake =
            async { tls::handshake(leg, addr.host(), config).await.map_err(|failure| failure.error("the proxy")) };
        let tls = within(Step::Tls, limits.tls, handshake).await.map_err(named)?;
        let Some(agreed) = alpn::agreed(kind, tls.get_ref().1.alpn_protocol()) else {
            let error = AppFault::AlpnRefused.error("the far end completed TLS without agreeing on a protocol");
            return Err(named(error));
        };
        self.known.works(addr, way);
        let mut stream = AppStream::new(name, tls, agreed);
        stream.confirm(limits.verdict).await.map_err(named)?;
        tracing::debug!(app = name, proxy = %addr, ?way, ?agreed, "app connected");
        Ok(stream)
    }

    async fn upgraded(&self, ground: &Ground, addr: &ProxyAddr) -> Result<Leg> {
        let limits = &self.config.limits;
        let tcp = proxy::connect(ground, addr, limits.connect).await?;
        let config = tls::anonymous(ground.roots(), &[alpn::HTTP1]).await?;
        let outer =
            async { tls::handshake(tcp, addr.host(), config).await.map_err(|failure| failure.error("the balancer")) };
        let outer = within(Step::OuterTls, limits.tls, outer).await?;
        let socket = within(Step::Upgrade, limits.upgrade, upgrade(outer, &addr.to_string())).await?;
        Ok(Leg::Upgraded(Box::new(socket)))
    }

    async fn open(&self, app: &AppConfig, route: &Route, deadline: Instant) -> Result<Upstream, Refusal> {
        match &app.via {
            Via::Teleport => match self.connect(app).await {
                Ok(stream) => Ok(Upstream::io(stream, false).explained(refusal_of)),
                Err(error) => Err(refusal(&error)),
            },
            Via::Direct(addr) => {
                DirectDialer::new().dial(&Route::new(route.app().clone(), addr.clone()), deadline).await
            }
            Via::Unix(path) => local_socket(path).await.map_err(|cause| {
                let fault = AppFault::SocketUnreachable;
                let error = fault.error(format_args!("{} cannot be reached: {}", path.display(), cause.kind()));
                refusal(&error.with_target(format!("app {}", app.name)))
            }),
        }
    }
}

#[cfg(unix)]
async fn local_socket(path: &Path) -> io::Result<Upstream> {
    Ok(Upstream::io(tokio::net::UnixStream::connect(path).await?, false))
}

#[cfg(not(unix))]
async fn local_socket(_: &Path) -> io::Result<Upstream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Dials the [`AppConfig`] that the route carries; without one, the route's target as a TCP app through
/// Teleport.
#[async_trait]
impl Dialer for AppDialer {
    async fn dial(&self, route: &Route, deadline: Instant) -> Result<Upstream, Refusal> {
        let app = match route.data::<AppConfig>() {
            Some(app) => app.clone(),
            None => match AppName::new(route.target()) {
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
