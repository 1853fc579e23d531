//! Where cube-cloud is, and with which key.

use std::fmt;
use std::sync::Arc;

use cube_sdk_core::config::{Environment, Key, Sourced, parse_base_url};
use cube_sdk_core::settings::{Ground, Settings};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use cube_sdk_teleport::config::CUBE_CLOUD_URL;
use url::Url;

use crate::keys::{CUBE_AGENT_CONFIG_DIR, KeyFile, KeySource, KeyStore};

/// The public cube-cloud, as in the published agent.
pub const DEFAULT_CLOUD_URL: &str = "https://cube.edgescaleai-cube.com";

/// Every setting of the facade's own, for docs/environment.md.
pub const KEYS: &[Key] = &[CUBE_AGENT_CONFIG_DIR, CUBE_AGENT_DISABLE_DOCKER];

/// As in the published agent.
pub const CUBE_AGENT_DISABLE_DOCKER: Key = Key::open(
    "CUBE_AGENT_DISABLE_DOCKER",
    "Any value: images are built by cube-cloud even where this machine has docker.",
);

/// What the doors to cube-cloud stand on.
pub(crate) struct Service {
    ground: Ground,
    #[cfg(feature = "publish")]
    settings: Settings,
    base: Sourced<Url>,
    keys: KeySource,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("base", &self.base.value.as_str()).finish_non_exhaustive()
    }
}

impl Service {
    pub(super) fn new(
        settings: &Settings,
        base: Option<String>,
        key: Option<SecretString>,
        store: Option<Arc<dyn KeyStore>>,
    ) -> Result<Self> {
        let ground = settings.ground()?;
        let base = base_url(ground.environment(), base)?;
        ground.check_clear_text(&format!("{} ({})", CUBE_CLOUD_URL.env, base.origin), &base.value)?;
        let store = match store {
            Some(store) => Some(store),
            None => KeyFile::of(ground.environment())?.map(|file| Arc::new(file) as _),
        };
        let keys = KeySource::new(key, ground.environment().clone(), store);
        // One that is set and cannot be used is told now.
        keys.winning()?;
        Ok(Self {
            ground,
            #[cfg(feature = "publish")]
            settings: settings.clone(),
            base,
            keys,
        })
    }

    pub(crate) const fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What it was set up with, for what stands beside it.
    #[cfg(feature = "publish")]
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn base(&self) -> &Url {
        &self.base.value
    }

    pub(crate) const fn keys(&self) -> &KeySource {
        &self.keys
    }

    /// Where keys are kept.
    ///
    /// # Errors
    /// `Config` when nowhere.
    pub(crate) fn store(&self) -> Result<&Arc<dyn KeyStore>> {
        self.keys.store().ok_or_else(|| {
            Error::new(ErrorKind::Config, "there is no place to keep a key: the environment names no home")
                .with_target(CUBE_AGENT_CONFIG_DIR.env)
                .advice("set CUBE_AGENT_CONFIG_DIR, or give a key by CUBE_API_KEY")
        })
    }
}

fn base_url(environment: &Environment, set: Option<String>) -> Result<Sourced<Url>> {
    let found = match set {
        Some(base) => Some(Sourced::code(base)),
        None => environment.text(CUBE_CLOUD_URL)?,
    };
    let Sourced { value, origin } = found.unwrap_or_else(|| Sourced::default_of(DEFAULT_CLOUD_URL.to_owned()));
    let value =
        parse_base_url(&value).map_err(|error| error.with_target(format!("{} ({origin})", CUBE_CLOUD_URL.env)))?;
    Ok(Sourced { value, origin })
}
