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
/// A bearer token, in place of client id and secret.
pub const TOKEN: Key =
    Key::secret("CUBE_APOLLO_TOKEN", "Bearer token for Apollo, in place of client id and secret; it is never renewed.");

/// Every setting of this crate, for docs/environment.md.
pub const KEYS: [Key; 4] = [URL, CLIENT_ID, CLIENT_SECRET, TOKEN];

/// The hub that the published agent talks to.
pub const DEFAULT_URL: &str = "https://edgescaleai.palantirapollo.com";

/// What the published agent sends as `Fetch-User-Agent`.
pub const FETCH_USER_AGENT: &str = "apollo-sdk/0.0.15 forge-graphql-client/4.93.0";

/// What was set in code for Apollo alone. It wins over the environment, whatever the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) url: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) token: Option<SecretString>,
}

/// How the client proves who it is.
#[derive(Debug)]
pub(crate) enum Proof {
    Client { id: Sourced<String>, secret: Sourced<SecretString> },
    Token(Sourced<SecretString>),
}

impl Own {
    pub(crate) fn base_url(&self, environment: &Environment) -> Result<Sourced<Url>> {
        match &self.url {
            Some(url) => Ok(Sourced::code(parse_base_url(url)?)),
            None => match environment.url(URL)? {
                Some(url) => Ok(url),
                None => Ok(Sourced::default_of(parse_base_url(DEFAULT_URL)?)),
            },
        }
    }

    /// What was set in code wins over the environment; within each a token over client id and secret.
    pub(crate) fn proof(self, environment: &Environment) -> Result<Proof> {
        if let Some(token) = self.token {
            return Ok(Proof::Token(Sourced::code(token)));
        }
        let in_code = self.client_id.is_some() || self.client_secret.is_some();
        if !in_code && let Some(token) = environment.secret(TOKEN)? {
            return Ok(Proof::Token(token));
        }
        let missing = |key: Key| {
            Error::new(ErrorKind::Config, format!("{} is not set", key.env))
                .advice(format!("set {} or give it to the builder", key.env))
        };
        let id = match self.client_id {
            Some(id) => Some(Sourced::code(id)),
            None => environment.text(CLIENT_ID)?,
        };
        let secret = match self.client_secret {
            Some(secret) => Some(Sourced::code(secret)),
            None => environment.secret(CLIENT_SECRET)?,
        };
        Ok(Proof::Client {
            id: id.ok_or_else(|| missing(CLIENT_ID))?,
            secret: secret.ok_or_else(|| missing(CLIENT_SECRET))?,
        })
    }
}
