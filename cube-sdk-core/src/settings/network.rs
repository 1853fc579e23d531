//! What the settings make for reaching the network, once for all who share them.

use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;

use super::Settings;
use super::application::user_agent;
use super::outgoing::Outgoing;
use crate::config::{CUBE_CA_FILE, Environment, Origin, Sourced};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::ExposeSecret;
use crate::transport::{HttpClient, Proxies, ProxySetting, RootCertificates, SharedTransport};

#[derive(Debug)]
pub(super) struct Network {
    pub(super) transport: SharedTransport,
    pub(super) proxies: Proxies,
    pub(super) roots: Sourced<RootCertificates>,
    pub(super) user_agent: Sourced<HeaderValue>,
}

impl Network {
    pub(super) fn make(settings: &Settings) -> Result<Self> {
        let proxies =
            Proxies::resolve(settings.proxy.as_ref().unwrap_or(&ProxySetting::Environment), &settings.environment)?;
        let roots = match &settings.roots {
            Some(roots) => Sourced::code(roots.clone()),
            None => roots_of(&settings.environment)?,
        };
        let user_agent = user_agent(settings.application.as_ref())?;
        if settings.connect_timeout.is_some_and(|limit| limit.is_zero()) {
            return Err(Error::new(ErrorKind::Config, "a connect limit of nothing lets nothing connect")
                .with_target("connect_timeout (set in code)"));
        }
        let inner = settings.transport.clone().unwrap_or_else(|| {
            let mut client = HttpClient::builder().proxies(proxies.clone()).add_roots(roots.value.clone());
            if let Some(limit) = settings.connect_timeout {
                client = client.connect_timeout(limit);
            }
            Arc::new(client.build())
        });
        let transport = Arc::new(Outgoing::new(inner, user_agent.value.clone(), settings.trace_context.clone()));
        Ok(Self { transport, proxies, roots, user_agent })
    }
}

fn roots_of(environment: &Environment) -> Result<Sourced<RootCertificates>> {
    let Some(path) = environment.lookup(CUBE_CA_FILE.env)? else {
        return Ok(Sourced::default_of(RootCertificates::default()));
    };
    let value = RootCertificates::from_file(Path::new(path.expose_secret())).map_err(|error| {
        Error::new(ErrorKind::Config, error.to_string())
            .with_target(CUBE_CA_FILE.env)
            .advice("name a readable PEM file, or unset the variable")
            .cause(error)
    })?;
    Ok(Sourced { value, origin: Origin::Env(CUBE_CA_FILE.env) })
}
