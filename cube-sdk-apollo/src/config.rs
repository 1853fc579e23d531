//! Settings of the client.

use cube_sdk_core::config::{Environment, Key, Sourced, parse_base_url};
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use url::Url;

/// Base URL of Apollo.
pub const URL: Key =
    Key::open("CUBE_APOLLO_URL", "Base URL of Apollo, default https://edgescaleai.palantirapollo.com.");
/// OAuth2 client id.
pub const CLIENT_ID: Key = Key::open("CUBE_APOLLO_CLIENT_ID", "OAuth2 client id for Apollo.");
/// OAuth2 client secret.
pub const CLIENT_SECRET: Key = Key::secret("CUBE_APOLLO_CLIENT_SECRET", "OAuth2 client secret for Apollo.");

/// Every setting of this crate, for docs/environment.md.
pub const KEYS: [Key; 3] = [URL, CLIENT_ID, CLIENT_SECRET];

/// The hub that the published agent talks to.
pub const DEFAULT_URL: &str = "https://edgescaleai.palantirapollo.com";

/// What the published agent sends as `Fetch-User-Agent`.
pub const FETCH_USER_AGENT: &str = "apollo-sdk/0.0.15 forge-graphql-client/4.93.0";

#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) url: Option<Sourced<Url>>,
    pub(crate) client_id: Option<Sourced<String>>,
    pub(crate) client_secret: Option<Sourced<SecretString>>,
}

impl Settings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self> {
        Ok(Self {
            url: environment.url(URL)?,
            client_id: environment.text(CLIENT_ID),
            client_secret: environment.secret(CLIENT_SECRET),
        })
    }

    pub(crate) fn base_url(&self) -> Result<Url> {
        match &self.url {
            Some(url) => Ok(url.value.clone()),
            None => parse_base_url(DEFAULT_URL),
        }
    }

    pub(crate) fn credentials(&self) -> Result<(String, SecretString)> {
        let missing = |key: Key| {
            Error::new(ErrorKind::Config, format!("{} is not set", key.env))
                .advice(format!("set {} or give it to the builder", key.env))
        };
        let id = self.client_id.as_ref().ok_or_else(|| missing(CLIENT_ID))?;
        let secret = self.client_secret.as_ref().ok_or_else(|| missing(CLIENT_SECRET))?;
        Ok((id.value.clone(), secret.value.clone()))
    }
}
