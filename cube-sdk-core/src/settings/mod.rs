//! The settings that every domain takes: one value, handed to all, checked once.
//!
//! [`Settings`] is what a program sets; [`Ground`] is what came of it, once checked. What is set in code wins over the
//! environment, the environment over files, files over defaults, whatever the order of the calls; each value's
//! [`Origin`](crate::config::Origin) is kept and told by [`Ground::describe`]. The builders of the domains take the same
//! methods by [`settings_methods!`](crate::settings_methods).

mod application;
mod describe;
mod ground;
mod methods;
mod network;
mod outgoing;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use crate::transport::{Proxies, ProxySetting, TraceContext, Via};
pub use describe::Described;
pub use ground::Ground;

use crate::clock::Clock;
use crate::config::Environment;
use crate::engine::Clocks;
use crate::error::Result;
use crate::retry::Retrier;
use crate::transport::{Middleware, RootCertificates, SharedTransport};
use application::Application;
use network::Network;

/// Settings for every domain. Cheap to clone; clones share connections, trust store and retry budget, as long as none
/// of what they stand on is set anew.
///
/// ```
/// use std::time::Duration;
/// use cube_sdk_core::config::Environment;
/// use cube_sdk_core::settings::{ProxySetting, Settings};
///
/// let settings = Settings::new()
///     .environment(Environment::from_pairs([("NO_PROXY", "corp.example")]))
///     .proxy(ProxySetting::Direct)
///     .connect_timeout(Duration::from_secs(4))
///     .application("fleet-console", "1.4.2");
/// let ground = settings.ground()?;
/// assert!(ground.user_agent().starts_with("fleet-console/1.4.2 cube-sdk/"));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "settings do nothing until they are handed to a builder"]
pub struct Settings {
    environment: Environment,
    transport: Option<SharedTransport>,
    proxy: Option<ProxySetting>,
    roots: Option<RootCertificates>,
    connect_timeout: Option<Duration>,
    application: Option<Application>,
    retrier: Retrier,
    retrier_is_set: bool,
    clocks: Option<Clocks>,
    clock: Option<Clock>,
    middleware: Vec<Arc<dyn Middleware>>,
    trace_context: Option<Arc<dyn TraceContext>>,
    clear_text: bool,
    /// What was made of the settings that reach the network; begun anew when one of them changes.
    network: Arc<OnceLock<Arc<Network>>>,
}

/// Names and numbers only.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("environment", &self.environment)
            .field("has_transport", &self.transport.is_some())
            .field("proxy", &self.proxy)
            .field("extra_ca", &self.roots)
            .field("connect_timeout", &self.connect_timeout)
            .field("application", &self.application)
            .field("clocks", &self.clocks)
            .field("middleware", &self.middleware.len())
            .field("clear_text", &self.clear_text)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The process's environment and the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// These variables in place of the process's own.
    pub fn environment(mut self, environment: impl Into<Environment>) -> Self {
        self.environment = environment.into();
        self.anew()
    }

    /// What carries HTTP requests, in place of an HTTP client of the SDK's own: proxies, extra CAs and connect limit are
    /// then its own affair. S3 and STS go through it too; a tunnel is a connection, which no transport of requests can
    /// carry.
    pub fn transport(mut self, transport: SharedTransport) -> Self {
        self.transport = Some(transport);
        self.anew()
    }

    /// HTTP proxies. Default: as the environment says.
    pub fn proxy(mut self, proxy: ProxySetting) -> Self {
        self.proxy = Some(proxy);
        self.anew()
    }

    /// Trusts a private authority beside the operating system's, in place of the one of `CUBE_CA_FILE`. A second call
    /// adds to the first.
    pub fn extra_ca(mut self, roots: RootCertificates) -> Self {
        self.roots = Some(match self.roots {
            Some(before) => before.and(&roots),
            None => roots,
        });
        self.anew()
    }

    /// How long DNS, TCP and TLS may take together. Default: the domain's own, 5 s to 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self.anew()
    }

    /// The program's name and version, for the user agent: `name/version cube-sdk/0.1.0`. Each is an HTTP token: letters,
    /// digits and ``!#$%&'*+-.^_`|~``.
    pub fn application(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.application = Some(Application::new(name.into(), version.into()));
        self.anew()
    }

    /// Retry policy and budget, shared by all that get these settings.
    pub fn retrier(mut self, retrier: Retrier) -> Self {
        self.retrier = retrier;
        self.retrier_is_set = true;
        self
    }

    /// The clocks of each call, in place of the domain's own.
    pub fn clocks(mut self, clocks: Clocks) -> Self {
        self.clocks = Some(clocks);
        self
    }

    /// The clock that decides what has expired. Default: this machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Adds a middleware inside those added before.
    pub fn middleware(mut self, middleware: Arc<dyn Middleware>) -> Self {
        self.middleware.push(middleware);
        self
    }

    /// Which trace requests belong to. Default: none is told.
    pub fn trace_context(mut self, context: Arc<dyn TraceContext>) -> Self {
        self.trace_context = Some(context);
        self.anew()
    }

    /// Lets keys, client secrets and tokens go over `http://` and `ws://` to other machines, for everyone on the way to
    /// read. Without it such URLs are refused; this machine itself is always allowed.
    pub fn danger_allow_clear_text(mut self) -> Self {
        self.clear_text = true;
        self
    }

    /// Checks the settings and makes what stands on them, once for all clones. Opens nothing; reads the environment and
    /// the CA file.
    ///
    /// # Errors
    /// `Config`, naming the variable or the setting, for what cannot be used: a proxy, a CA file, an application's name.
    pub fn ground(&self) -> Result<Ground> {
        let network = match self.network.get() {
            Some(network) => Arc::clone(network),
            None => {
                let made = Arc::new(Network::make(self)?);
                Arc::clone(self.network.get_or_init(|| made))
            }
        };
        Ok(Ground::new(self.clone(), network))
    }

    fn anew(mut self) -> Self {
        self.network = Arc::default();
        self
    }
}

#[cfg(test)]
mod tests;
