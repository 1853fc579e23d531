//! What every handler shares.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_core::{Clock, Error, Result};

use super::apps::Apps;
use super::buckets::Buckets;
use super::client::Place;
use super::clusters::Clusters;
use super::guesses::Guesses;
use super::keys::Keys;
use super::passwords::Passwords;
use super::profiles::Profile;
use super::settings::CloudSettings;
use crate::store::{Store, Time};

pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
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
    pub(crate) clusters: Clusters,
    pub(crate) apps: Apps,
}

impl App {
    pub(crate) fn new(store: Store, clock: Clock, settings: CloudSettings) -> Result<Self> {
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
        Ok(Self {
            keys: Keys::new(store.clone(), clock, settings.profiles.clone()),
            passwords: Passwords::new()?,
            guesses: Guesses::new(clock),
            opened: Buckets::new(clock, 60, Duration::from_secs(2)),
            polls: Buckets::new(clock, 200, Duration::from_millis(50)),
            apollo,
            clusters: Clusters::new(&settings),
            apps: Apps::new(&settings),
            store,
            clock,
            settings,
        })
    }

    pub(crate) fn now(&self) -> Time {
        Time::from(self.clock.now())
    }

    /// Apollo with the credentials of this profile and of no other.
    pub(crate) fn apollo(&self, profile: &Profile) -> Option<&Apollo> {
        self.apollo.get(&profile.name)
    }

    pub(crate) fn address(&self, parts: &http::request::Parts) -> IpAddr {
        super::client::address(parts, &self.settings.trusted_proxies)
    }
}
