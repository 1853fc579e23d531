//! Apps in clusters, reached through cube-cloud's tunnels.
//!
//! Begin with [`Cube::apps`](crate::Cube::apps): the page of [`Apps`] shows each call, the guide
//! [tunnels](crate::guides::tunnels) the ways to use one.

use cube_sdk_core::Result;
use cube_sdk_core::config::{Environment, parse_base_url};
use cube_sdk_teleport::config::CUBE_CLOUD_URL;
use cube_sdk_teleport::tunnel::{ShutdownReport, Tunnel};
use cube_sdk_teleport::{AppName, OpenTunnel, Tunnels, TunnelsBuilder};

use crate::cloud::{Cloud, DEFAULT_CLOUD_URL};
use crate::keys::{KeyFile, KeySource};

/// Apps in clusters, reached through cube-cloud's tunnels with the same key. Cheap to clone.
///
/// Tunnels go to `/tunnel` on the authority of the base URL, as with every published client: a path of the base URL counts
/// for calls and login only.
///
#[doc = include_str!("../../docs/apps.md")]
#[derive(Clone, Debug)]
pub struct Apps {
    cloud: Cloud,
    tunnels: Tunnels,
}

impl Apps {
    pub(crate) const fn new(cloud: Cloud, tunnels: Tunnels) -> Self {
        Self { cloud, tunnels }
    }

    /// The names of the apps that the profile reaches, sorted.
    ///
    /// # Errors
    /// As any tool; `Unsupported` where the service tells them as text only: [`Cloud::app_list`] has it.
    pub async fn list(&self) -> Result<Vec<String>> {
        Ok(self.cloud.app_list().await?.into_data()?.apps)
    }

    /// A tunnel to an app, to be awaited. When one to this app runs already, that one is given.
    pub fn open(&self, app: impl Into<String>) -> OpenTunnel {
        self.tunnels.open(app)
    }

    /// The running tunnels, by name of their app.
    pub async fn running(&self) -> Vec<Tunnel> {
        self.tunnels.list().await
    }

    /// Stops the tunnel to an app, waiting up to 5 s for its streams.
    ///
    /// # Errors
    /// `NotFound` when none runs; the text names those that do.
    pub async fn stop(&self, app: &str) -> Result<ShutdownReport> {
        self.tunnels.stop(app).await
    }

    /// Stops every tunnel, and names them.
    pub async fn stop_all(&self) -> Vec<(AppName, ShutdownReport)> {
        self.tunnels.stop_all().await
    }
}

/// Tunnels with the key of a login, and to the public cube-cloud unless the environment names another. What cannot be read
/// here is told when they are built or opened.
pub(crate) fn by_cloud(tunnels: TunnelsBuilder, environment: &Environment) -> TunnelsBuilder {
    let store = KeyFile::of(environment).ok().flatten().map(|file| std::sync::Arc::new(file) as _);
    let tunnels = tunnels.key_source(KeySource::new(None, environment.clone(), store));
    match (environment.lookup(CUBE_CLOUD_URL.env), parse_base_url(DEFAULT_CLOUD_URL)) {
        (Ok(None), Ok(url)) => tunnels.url(url),
        _ => tunnels,
    }
}
