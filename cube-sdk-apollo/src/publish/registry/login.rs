//! How the SDK proves to a registry who it is: as the registry asks, for one repository at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cube_sdk_core::credentials::{CachedCredentials, Credentials, FixedKey, Grant, lifetime};
use cube_sdk_core::engine::Call;
use cube_sdk_core::secret::{ExposeSecret, bearer, trimmed};
use cube_sdk_core::{Clock, Engine, Error, ErrorKind, Idempotency, Operation, Result, SecretString, Timestamp};
use http::{HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::challenge::Challenge;

const TOKEN: Operation = Operation::new("registry", "get_token", Idempotency::Repeatable);

/// How long a token lasts whose server does not say, by the specification.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// What there is to prove it with.
#[derive(Clone, Debug)]
pub(super) enum Login {
    Anonymous,
    Basic {
        user: String,
        password: SecretString,
    },
    /// A bearer token, sent as it is.
    Bearer(SecretString),
    /// A token that is exchanged for others.
    Identity(SecretString),
    /// Another service's credentials, sent as they are.
    Shared(Arc<dyn Credentials>),
}

impl Login {
    /// Credentials that are sent as they are, without asking the registry.
    pub(super) fn as_is(&self) -> Result<Option<Arc<dyn Credentials>>> {
        Ok(match self {
            Self::Bearer(token) => Some(Arc::new(FixedKey::new(token)?)),
            Self::Shared(credentials) => Some(Arc::clone(credentials)),
            Self::Anonymous | Self::Basic { .. } | Self::Identity(_) => None,
        })
    }

    /// Credentials that answer a challenge, for a repository.
    pub(super) fn answering(
        &self,
        challenge: Challenge,
        scope: String,
        asking: Asking,
    ) -> Result<Option<Arc<dyn Credentials>>> {
        if let Some(credentials) = self.as_is()? {
            return Ok(Some(credentials));
        }
        match challenge {
            Challenge::Basic => match self {
                Self::Basic { user, password } => Ok(Some(Arc::new(Fixed(basic(user, password)?)))),
                _ => Err(nothing_for("a user and password")),
            },
            Challenge::Bearer { realm, service } => {
                let realm = asking.realm(&realm)?;
                let clock = asking.clock;
                let source = Tokens { login: self.clone(), realm, service, scope, asking };
                Ok(Some(Arc::new(CachedCredentials::new(source, Duration::from_secs(10), clock))))
            }
        }
    }
}

fn nothing_for(what: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("the registry wants {what}, and none is known for it"))
        .advice("log in with `docker login` or `helm registry login`, or give the credentials in code")
}

/// `Authorization: Basic …`
fn basic(user: &str, password: &SecretString) -> Result<HeaderValue> {
    if user.contains(':') || user.contains(char::is_control) || password.expose_secret().contains(char::is_control) {
        return Err(Error::new(ErrorKind::Config, "the user or password for the registry cannot stand in a header"));
    }
    let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
    let text = SecretString::from(format!("Basic {}", STANDARD.encode(pair.expose_secret())));
    let mut value = HeaderValue::from_str(text.expose_secret())
        .map_err(|_| Error::new(ErrorKind::Config, "the user or password for the registry cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Debug)]
struct Fixed(HeaderValue);

#[async_trait]
impl Credentials for Fixed {
    async fn grant(&self) -> Result<Grant> {
        Ok(Grant { authorization: self.0.clone(), expires_at: None })
    }

    async fn refused(&self, _: &Grant) -> bool {
        false
    }
}

/// What token servers are asked by.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    /// The registry is reached in clear text, so that its token server may be too.
    pub(super) clear_text: bool,
}

impl Asking {
    /// Where a token is to be had. A password goes there: never in clear text, unless the registry itself is reached so.
    fn realm(&self, text: &str) -> Result<Url> {
        let refused = |why: &str| {
            Err(Error::new(ErrorKind::Protocol, format!("the registry sends for a token to a place that {why}")))
        };
        let Ok(url) = Url::parse(text) else { return refused("is no URL") };
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.clear_text => Ok(url),
            "http" => refused("would get the credentials in clear text"),
            _ => refused("is neither http nor https"),
        }
    }
}

#[derive(Debug)]
struct Tokens {
    login: Login,
    realm: Url,
    service: Option<String>,
    scope: String,
    asking: Asking,
}

#[derive(Deserialize)]
struct Issued {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Value,
}

impl Tokens {
    fn call(&self) -> Result<Call> {
        let parameters = [("service", self.service.as_deref()), ("scope", Some(self.scope.as_str()))];
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        if let Login::Identity(token) = &self.login {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(parameters).append_pair("grant_type", "refresh_token");
            form.append_pair("client_id", "cube-sdk").append_pair("refresh_token", token.expose_secret());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            return Ok(Call::new(TOKEN, Method::POST, self.realm.clone())
                .bytes(form.finish())
                .header(header::CONTENT_TYPE, kind)
                .hides([token.clone()]));
        }
        let mut call = Call::new(TOKEN, Method::GET, self.realm.clone());
        for (name, value) in parameters {
            call = call.query(name, value);
        }
        if let Login::Basic { user, password } = &self.login {
            let name = HeaderName::from_static("authorization");
            call = call.header(name, basic(user, password)?).hides([password.clone()]);
        }
        Ok(call)
    }
}

#[async_trait]
impl Credentials for Tokens {
    async fn grant(&self) -> Result<Grant> {
        let failed = |error: Error| {
            let (transient, after) = (error.is_transient(), error.retry_after());
            Error::new(ErrorKind::Credentials, format!("no token for the registry: {}", error.message()))
                .with_target(error.target().unwrap_or_default())
                .with_transient(transient)
                .with_retry_after(after)
                .advice("check user and password, and whether they may push there")
                .cause(error)
        };
        let reply = self.asking.engine.run(&self.call()?).await.map_err(failed)?;
        let issued: Issued = serde_json::from_slice(&reply.body)
            .map_err(|_| failed(Error::new(ErrorKind::Decode, "the token server's answer cannot be read")))?;
        let told = [issued.token, issued.access_token];
        let token = told.into_iter().flatten().find(|token| !token.expose_secret().trim().is_empty());
        let token = token.ok_or_else(|| failed(Error::new(ErrorKind::Decode, "the token server gave none")))?;
        let life = lifetime(&issued.expires_in).unwrap_or(DEFAULT_LIFE).max(Duration::from_secs(1));
        let now: Timestamp = self.asking.clock.now();
        Ok(Grant { authorization: bearer(&trimmed(&token)?)?, expires_at: Some(now.saturating_add(life)) })
    }

    async fn refused(&self, _: &Grant) -> bool {
        true
    }
}
