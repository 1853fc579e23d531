//! `/tunnel`: the relay of the tunnels, authorised per profile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use cube_sdk_core::SecretString;
use cube_sdk_teleport::dial::Route;
use cube_sdk_teleport::tunnel::{Authorizer, Caller as TunnelCaller, Refusal, Relay, TunnelCode};
use cube_sdk_teleport::{AppName, async_trait};
use http::StatusCode;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::app::App;
use super::counted::OfTunnels;
use super::profiles::Caller;
use crate::listener::{Peer, below};
use crate::metrics::Metrics;
use crate::store::cloud::Hash;

/// How often a key that is inside is looked at: with 3 s of caching a revoked one is out within 5 s.
const LOOK: Duration = Duration::from_secs(1);

/// Key → profile → app.
struct ByProfile(Arc<App>);

impl ByProfile {
    async fn look(&self, hash: Hash) -> Result<Caller, Refusal> {
        match self.0.keys.caller_by_hash(hash).await {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) => Err(Refusal::new(TunnelCode::Expired, "the key was revoked or has expired")),
            Err(error) => Err(broken(&error)),
        }
    }
}

fn broken(error: &cube_sdk_core::Error) -> Refusal {
    tracing::error!(%error, "a key could not be looked up");
    Refusal::new(TunnelCode::Internal, "the key could not be looked up")
}

#[async_trait]
impl Authorizer for ByProfile {
    async fn authenticate(&self, key: &SecretString, _: SocketAddr) -> Result<TunnelCaller, Refusal> {
        match self.0.keys.caller(key).await {
            Ok(Some(caller)) => Ok(TunnelCaller::new(caller.key().to_string()).with(caller.hash())),
            Ok(None) => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown, revoked or expired")),
            Err(error) => Err(broken(&error)),
        }
    }

    async fn authorize(&self, caller: &TunnelCaller, app: &AppName) -> Result<Route, Refusal> {
        let hash = caller.data::<Hash>().copied().unwrap_or_default();
        let caller = self.look(hash).await?;
        caller.may_reach_app(app.as_str()).map_err(|denied| Refusal::new(TunnelCode::Forbidden, denied.to_string()))?;
        self.0.apps.route(app).await
    }

    async fn revoked(&self, caller: &TunnelCaller) {
        let Some(hash) = caller.data::<Hash>().copied() else { return };
        loop {
            tokio::time::sleep(LOOK).await;
            // A database that cannot be read proves nothing about the key.
            if self.look(hash).await.is_err_and(|refusal| refusal.code == TunnelCode::Expired) {
                return;
            }
        }
    }
}

/// The endpoint, and the connections that it took over.
pub(crate) struct Tunnels {
    relay: Relay,
    running: std::sync::Mutex<JoinSet<()>>,
}

impl Tunnels {
    pub(crate) fn new(app: &Arc<App>, metrics: &Metrics) -> Self {
        let relay = Relay::builder().build(ByProfile(Arc::clone(app)), app.apps.clone());
        let collected = Box::new(OfTunnels(relay.clone()));
        metrics.register(|registry| registry.register_collector(collected));
        Self { relay, running: std::sync::Mutex::default() }
    }

    /// Lets open streams end for `grace`, then cuts them.
    pub(crate) async fn drain(&self, grace: Duration) {
        let report = self.relay.drain(grace).await;
        tracing::info!(connections = report.connections, left = report.left, "tunnels drained");
        self.running().abort_all();
    }

    fn running(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(crate) async fn tunnel(State(tunnels): State<Arc<Tunnels>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    let Some(peer) = peer else { return StatusCode::UPGRADE_REQUIRED.into_response() };
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    drop(body);
    let accepted = match tunnels.relay.accept(&parts, peer).await {
        Ok(accepted) => accepted,
        Err(response) => return response.map(Body::from),
    };
    if let Some(peer) = parts.extensions.get::<Peer>() {
        peer.vouch();
    }
    let Some(upgrade) = upgrade else { return StatusCode::UPGRADE_REQUIRED.into_response() };
    let response = accepted.response().map(Body::from);
    let mut running = tunnels.running();
    while running.try_join_next().is_some() {}
    running.spawn(async move {
        match upgrade.await {
            Ok(io) => {
                let report = match below(io) {
                    Ok(connection) => accepted.run(connection).await,
                    Err(io) => accepted.run(TokioIo::new(io)).await,
                };
                tracing::debug!(?report, "a tunnel ended");
            }
            Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
        }
    });
    response
}
