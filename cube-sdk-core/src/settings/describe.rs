//! What was set, without secrets.

use std::fmt;

use super::network::Network;
use super::{ProxySetting, Settings, Via};
use crate::config::{Origin, Sourced};

/// One setting: its name, its value without secrets, where the value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Described {
    /// The setting, by the name of its method or what it is for.
    pub name: &'static str,
    /// Its value as it may be shown.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name, self.value, self.origin)
    }
}

impl Described {
    /// A row. The value must hold no secret: show a URL by [`SafeUrl`](crate::redact::SafeUrl), a key not at all.
    pub fn new(name: &'static str, value: impl Into<String>, origin: Origin) -> Self {
        Self { name, value: value.into(), origin }
    }

    /// A row of a value that knows its origin.
    pub fn sourced<T: fmt::Display>(name: &'static str, value: &Sourced<T>) -> Self {
        Self::new(name, value.value.to_string(), value.origin.clone())
    }
}

pub(super) fn rows(settings: &Settings, network: &Network) -> Vec<Described> {
    let set = |is_set: bool| if is_set { Origin::Code } else { Origin::Default };
    let of = |name, value: Option<String>, otherwise: &str| {
        let origin = set(value.is_some());
        Described::new(name, value.unwrap_or_else(|| otherwise.to_owned()), origin)
    };
    let environment = if settings.environment.is_process() {
        "the process's own".to_owned()
    } else {
        format!("{} variables of its own", settings.environment.names().len())
    };
    let proxy_set = match settings.proxy {
        None | Some(ProxySetting::Environment) => Origin::Default,
        Some(_) => Origin::Code,
    };
    let proxy = |name, via: Option<&Via>| match via {
        Some(via) => {
            let user = if via.authorization.is_some() { ", with user and password" } else { "" };
            Described::new(name, format!("{via}{user}"), via.origin.clone())
        }
        None => Described::new(name, "none", proxy_set.clone()),
    };
    let no_proxy = network.proxies.no_proxy();
    let exceptions = if no_proxy.value.is_empty() { "none".to_owned() } else { no_proxy.value.clone() };
    let retry = settings.retrier.policy().attempts();
    vec![
        Described::new("environment", environment, set(!settings.environment.is_process())),
        Described::new(
            "transport",
            if settings.transport.is_some() { "the program's own" } else { "HTTP client of the SDK" },
            set(settings.transport.is_some()),
        ),
        proxy("proxy for http", network.proxies.of_scheme("http")),
        proxy("proxy for https", network.proxies.of_scheme("https")),
        Described::new("no proxy for", exceptions, no_proxy.origin.clone()),
        Described::new(
            "extra CA",
            match network.roots.value.iter().len() {
                0 => "none".to_owned(),
                1 => "1 certificate".to_owned(),
                more => format!("{more} certificates"),
            },
            network.roots.origin.clone(),
        ),
        of(
            "connect limit",
            settings.connect_timeout.map(|limit| format!("{} s", limit.as_secs_f64())),
            "the domain's own",
        ),
        Described::new(
            "user agent",
            network.user_agent.value.to_str().unwrap_or_default(),
            network.user_agent.origin.clone(),
        ),
        Described::new("retry", format!("{retry} attempts"), set(settings.retrier_is_set)),
        of(
            "clocks",
            settings.clocks.map(|clocks| format!("{} s for a call", clocks.deadline.as_secs_f64())),
            "the domain's own",
        ),
        of("clock", settings.clock.map(|_| "the program's own".to_owned()), "this machine's"),
        Described::new("middleware", settings.middleware.len().to_string(), set(!settings.middleware.is_empty())),
        of("trace context", settings.trace_context.as_ref().map(|_| "the program's own".to_owned()), "none"),
        Described::new(
            "clear text to other machines",
            if settings.clear_text { "allowed" } else { "refused" },
            set(settings.clear_text),
        ),
    ]
}
