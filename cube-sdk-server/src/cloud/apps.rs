//! The apps that tunnels may reach: dialled by address, or by tbot's certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use cube_sdk_core::Result;
use cube_sdk_teleport::dial::{AppDialer, DialConfig, Dialer, DirectDialer, Route, Upstream};
use cube_sdk_teleport::tbot::watch::Identities;
use cube_sdk_teleport::tbot::{OutputRoot, ReadPolicy};
use cube_sdk_teleport::tunnel::{Refusal, TunnelCode};
use cube_sdk_teleport::{AppName, async_trait};

use super::settings::CloudSettings;

/// The apps that may be dialled: by address, or by tbot's directory.
#[derive(Clone)]
pub(crate) struct Apps {
    direct: Arc<BTreeMap<AppName, String>>,
    teleport: Option<AppDialer>,
    identities: Option<Identities>,
}

impl Apps {
    pub(crate) fn new(settings: &CloudSettings) -> Self {
        let identities =
            settings.tbot.as_ref().map(|tbot| Identities::new(OutputRoot::new(&tbot.outputs), ReadPolicy::default()));
        let proxy = settings.tbot.as_ref().and_then(|tbot| tbot.proxy.clone());
        let teleport = identities.clone().zip(proxy).map(|(ids, proxy)| AppDialer::new(ids, DialConfig::new(proxy)));
        Self { direct: Arc::new(settings.apps.clone()), teleport, identities }
    }

    /// The names of all apps, sorted.
    pub(crate) async fn names(&self) -> Result<BTreeSet<String>> {
        let mut names: BTreeSet<String> = self.direct.keys().map(ToString::to_string).collect();
        if let Some(identities) = &self.identities {
            names.extend(identities.root().apps().await?.into_iter().map(|(name, _)| name));
        }
        Ok(names)
    }

    /// Where an app is.
    pub(crate) async fn route(&self, app: &AppName) -> std::result::Result<Route, Refusal> {
        if let Some(address) = self.direct.get(app) {
            return Ok(Route::new(app.clone(), address.clone()));
        }
        let names = self.names().await.map_err(|error| {
            tracing::error!(%error, "tbot's directory cannot be listed");
            Refusal::new(TunnelCode::NoCredential, "the apps cannot be listed")
        })?;
        if !names.contains(app.as_str()) {
            return Err(Refusal::new(TunnelCode::UnknownApp, format!("no app `{app}`")));
        }
        Ok(Route::new(app.clone(), app.as_str()))
    }
}

#[async_trait]
impl Dialer for Apps {
    async fn dial(&self, route: &Route, deadline: Instant) -> std::result::Result<Upstream, Refusal> {
        match (&self.teleport, self.direct.contains_key(route.app())) {
            (_, true) => DirectDialer::new().dial(route, deadline).await,
            (Some(teleport), false) => teleport.dial(route, deadline).await,
            (None, false) => {
                Err(Refusal::new(TunnelCode::NoCredential, "no Teleport proxy is configured on the server"))
            }
        }
    }
}
