//! Settings that were checked: what the domains stand on.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::describe::{self, Described};
use super::network::Network;
use super::{Proxies, Settings, TraceContext};
use crate::clock::Clock;
use crate::config::{Environment, is_loopback};
use crate::engine::{Clocks, Engine, EngineBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::redact::SafeUrl;
use crate::retry::Retrier;
use crate::transport::{Middleware, RootCertificates, SharedTransport};

/// What a domain stands on: [`Settings`] that were checked and resolved. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Ground {
    settings: Settings,
    clock: Clock,
    network: Arc<Network>,
}

impl Ground {
    pub(super) fn new(settings: Settings, network: Arc<Network>) -> Self {
        Self { clock: settings.clock.unwrap_or_default(), settings, network }
    }

    /// Where a domain's own settings are read from.
    pub fn environment(&self) -> &Environment {
        &self.settings.environment
    }

    /// What carries HTTP requests, with user agent and trace context added to each.
    pub fn transport(&self) -> SharedTransport {
        Arc::clone(&self.network.transport)
    }

    /// What the program set to carry HTTP requests; none where the SDK connects by itself. User agent and trace context are
    /// added to each.
    pub fn own_transport(&self) -> Option<SharedTransport> {
        self.settings.transport.as_ref().map(|_| self.transport())
    }

    /// Which proxy to go through to where.
    pub fn proxies(&self) -> &Proxies {
        &self.network.proxies
    }

    /// The authorities that are trusted beside the operating system's, and the TLS that stands on them.
    pub fn roots(&self) -> &RootCertificates {
        &self.network.roots.value
    }

    /// How long connecting may take; none when the domain decides.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.settings.connect_timeout
    }

    /// `{application}/{version} cube-sdk/{version}`.
    pub fn user_agent(&self) -> &str {
        self.network.user_agent.value.to_str().unwrap_or_default()
    }

    /// Retry policy and budget.
    pub fn retrier(&self) -> &Retrier {
        &self.settings.retrier
    }

    /// The clocks that were set, or else the domain's own.
    pub fn clocks(&self, default: Clocks) -> Clocks {
        self.settings.clocks.unwrap_or(default)
    }

    /// The clock that decides what has expired.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The middlewares, outermost first.
    pub fn middleware(&self) -> &[Arc<dyn Middleware>] {
        &self.settings.middleware
    }

    /// Which trace requests belong to. [`Self::transport`] asks it already.
    pub fn trace_context(&self) -> Option<&Arc<dyn TraceContext>> {
        self.settings.trace_context.as_ref()
    }

    /// Refuses a URL over which secrets would go in clear to another machine. `what` names the setting.
    ///
    /// # Errors
    /// `Config` for `http` and `ws` to a host that is not this machine, or to this machine by a proxy on another, unless
    /// [`Settings::danger_allow_clear_text`] was called.
    pub fn check_clear_text(&self, what: &str, url: &Url) -> Result<()> {
        if self.settings.clear_text || !matches!(url.scheme(), "http" | "ws") {
            return Ok(());
        }
        let proxied = || {
            let uri = url.as_str().parse().ok()?;
            self.proxies().intercept(&uri).filter(|via| !is_loopback(via.host()))
        };
        if url.host_str().is_some_and(is_loopback) && proxied().is_none() {
            return Ok(());
        }
        let words = format!("{} would carry secrets in clear text to another machine", SafeUrl(url));
        Err(Error::new(ErrorKind::Config, words).with_target(what).advice(format!(
            "use {}://, or allow clear text with danger_allow_clear_text()",
            if url.scheme() == "ws" { "wss" } else { "https" }
        )))
    }

    /// What was set, to what, and where it came from, without secrets: the settings of this value; a domain adds its own.
    pub fn describe(&self) -> Vec<Described> {
        describe::rows(&self.settings, &self.network)
    }

    /// An engine's builder with transport, retrier, middlewares and, where they were set, clocks.
    pub fn engine(&self) -> EngineBuilder {
        let engine = Engine::builder(self.transport())
            .retrier(self.settings.retrier.clone())
            .clocks(self.settings.clocks.unwrap_or_default());
        self.settings.middleware.iter().cloned().fold(engine, EngineBuilder::middleware)
    }
}
