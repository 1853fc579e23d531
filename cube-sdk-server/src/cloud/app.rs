//! What every handler shares.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_core::{Clock, Error, Result};

use super::api_keys::Keys;
use super::apps::Apps;
use super::counted::Counted;
use super::images::{Buildx, Jobs};
use super::kubectl::Clusters;
#[cfg(feature = "oidc")]
use super::oidc::Provider;
use super::passwords::Guesses;
use super::passwords::Passwords;
use super::profiles::Profile;
use super::settings::CloudSettings;
use super::visitors::Buckets;
use super::visitors::Place;
use crate::metrics::Metrics;
use crate::store::cloud::Keeping;
use crate::store::{CloudStore, Time};

pub(crate) struct App {
    pub(crate) store: Arc<dyn Keeping>,
    /// The same, as it is administered.
    pub(crate) administered: CloudStore,
    pub(crate) clock: Clock,
    pub(crate) counted: Counted,
    pub(crate) settings: CloudSettings,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) guesses: Guesses,
    /// Login pages opened, per place.
    pub(crate) opened: Buckets<Place>,
    /// Polls of logins, per place.
    pub(crate) polls: Buckets<Place>,
    /// Apollo as each profile reaches it.
    apollo: HashMap<String, Apollo>,
    #[cfg(feature = "oidc")]
    pub(crate) provider: Option<Provider>,
    /// Builds of images, where they are on.
    pub(crate) images: Option<Arc<Jobs>>,
    pub(crate) clusters: Clusters,
    pub(crate) apps: Apps,
}

impl App {
    pub(crate) fn new(store: CloudStore, clock: Clock, settings: CloudSettings, metrics: &Metrics) -> Result<Self> {
        let mut apollo = HashMap::new();
        for profile in settings.profiles.iter() {
            let Some(credentials) = &profile.apollo else { continue };
            let mut builder = Apollo::builder()
                .client_id(&credentials.client_id)
                .client_secret(credentials.client_secret.clone())
                .application("cube-cloud", env!("CARGO_PKG_VERSION"));
            if let Some(url) = &settings.apollo_url {
                builder = builder.url(url.as_str());
            }
            let named = |error: Error| error.with_target(format!("profiles.{}.apollo", profile.name));
            apollo.insert(profile.name.clone(), builder.build().map_err(named)?);
        }
        #[cfg(feature = "oidc")]
        let provider = settings.oidc.clone().map(|oidc| {
            // Never what a request says of itself.
            let redirect = cube_sdk_core::config::join(&settings.url, &["auth", "callback"]);
            Provider::new(oidc, redirect, clock)
        });
        let counted = Counted::new(metrics);
        let images = settings.images.clone().map(|images| {
            let builder = Buildx { docker: images.docker, config: images.config };
            Arc::new(Jobs::new(clock, images.folder, images.repository, Arc::new(builder)))
        });
        Ok(Self {
            #[cfg(feature = "oidc")]
            provider: provider.transpose()?,
            keys: Keys::new(store.keeping(), clock, settings.profiles.clone(), counted.clone()),
            passwords: Passwords::new()?,
            guesses: Guesses::new(clock),
            opened: Buckets::new(clock, 60, Duration::from_secs(2)),
            polls: Buckets::new(clock, 200, Duration::from_millis(50)),
            apollo,
            images,
            clusters: Clusters::new(&settings),
            apps: Apps::new(&settings),
            store: store.keeping(),
            administered: store,
            clock,
            counted,
            settings,
        })
    }

    pub(crate) fn now(&self) -> Time {
        Time::from(self.clock.now())
    }

    /// What people call the provider of identities, where there is one.
    #[cfg(feature = "oidc")]
    pub(crate) fn provider_label(&self) -> Option<&str> {
        self.provider.as_ref().map(Provider::label)
    }

    /// What people call the provider of identities, where there is one.
    #[cfg(not(feature = "oidc"))]
    #[allow(clippy::unused_self)]
    pub(crate) const fn provider_label(&self) -> Option<&str> {
        None
    }

    /// Apollo with the credentials of this profile and of no other.
    pub(crate) fn apollo(&self, profile: &Profile) -> Option<&Apollo> {
        self.apollo.get(&profile.name)
    }

    pub(crate) fn address(&self, parts: &http::request::Parts) -> IpAddr {
        super::visitors::address(parts, &self.settings.trusted_proxies)
    }
}
