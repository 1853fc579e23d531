//! OAuth2 client credentials (RFC 6749 §4.4): one form POST to the token endpoint.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use http::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{CachedCredentials, Credentials, Grant};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, kind_of_status, request_id_of};
use crate::redact::SafeUrl;
use crate::retry::TRANSIENT_CREDENTIALS;
use crate::secret::bearer;
use crate::transport::SharedTransport;

/// How the token endpoint is asked.
#[derive(Debug)]
pub struct ClientCredentialsBuilder {
    token_url: Url,
    client_id: String,
    client_secret: SecretString,
    scope: Option<String>,
    in_body: bool,
    clock: Clock,
}

impl ClientCredentialsBuilder {
    /// The `scope` parameter.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sends id and secret as form fields in place of HTTP Basic.
    #[must_use]
    pub fn secret_in_body(mut self) -> Self {
        self.in_body = true;
        self
    }

    /// The clock that decides about expiry.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Credentials that fetch a token at the first call and renew it 60 to 120 s before its end.
    pub fn build(self, transport: SharedTransport) -> CachedCredentials<ClientCredentials> {
        let clock = self.clock;
        CachedCredentials::new(ClientCredentials { settings: self, transport }, Duration::from_secs(60), clock)
    }
}

/// Fetches a token by client id and secret. Use it through [`ClientCredentialsBuilder::build`], which
/// puts a cache before it.
#[derive(Debug)]
pub struct ClientCredentials {
    settings: ClientCredentialsBuilder,
    transport: SharedTransport,
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: SecretString,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

impl ClientCredentials {
    /// Largest reply of a token endpoint that is read.
    const CAP: usize = 64 * 1024;
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Starts the settings of a client.
    pub fn builder(
        token_url: Url,
        client_id: impl Into<String>,
        client_secret: SecretString,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder {
            token_url,
            client_id: client_id.into(),
            client_secret,
            scope: None,
            in_body: false,
            clock: Clock::system(),
        }
    }

    fn request(&self) -> Result<http::Request<Bytes>> {
        let settings = &self.settings;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &settings.scope {
            form.append_pair("scope", scope);
        }
        let mut request = http::Request::builder()
            .method(Method::POST)
            .uri(settings.token_url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if settings.in_body {
            form.append_pair("client_id", &settings.client_id);
            form.append_pair("client_secret", settings.client_secret.expose_secret());
        } else {
            request = request.header(header::AUTHORIZATION, self.basic()?);
        }
        request
            .body(Bytes::from(form.finish()))
            .map_err(|cause| Error::new(ErrorKind::Config, "the token endpoint's URL cannot be asked").cause(cause))
    }

    fn basic(&self) -> Result<http::HeaderValue> {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = SecretString::from(format!(
            "{}:{}",
            encode(&self.settings.client_id),
            encode(self.settings.client_secret.expose_secret())
        ));
        let text = SecretString::from(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair.expose_secret())
        ));
        let mut value = http::HeaderValue::from_str(text.expose_secret())
            .map_err(|_| Error::new(ErrorKind::Config, "the client id or secret cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn fetch(&self) -> Result<Grant> {
        let answer = self.transport.send(self.request()?).await?;
        let status = answer.status();
        let id = request_id_of(answer.headers());
        let body = answer.into_body().collect(Self::CAP, Self::PATIENCE).await?;
        if !status.is_success() {
            return Err(refusal(status, id, &body));
        }
        let reply: TokenReply = serde_json::from_slice(&body).map_err(|cause| {
            // serde's text may quote the reply, which holds the token.
            Error::new(ErrorKind::Credentials, format!("the token reply cannot be read (line {})", cause.line()))
                .with_status(status)
                .with_request_id(id)
        })?;
        if reply.token_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(Error::new(ErrorKind::Credentials, "the token is not a bearer token").with_status(status));
        }
        let now = self.settings.clock.now();
        Ok(Grant {
            authorization: bearer(&reply.access_token)?,
            expires_at: reply.expires_in.map(|seconds| now.saturating_add(Duration::from_secs(seconds))),
        })
    }
}

fn refusal(status: http::StatusCode, id: Option<String>, body: &[u8]) -> Error {
    let told = serde_json::from_slice::<TokenError>(body).ok();
    let words = match &told {
        Some(TokenError { error_description: Some(text), .. }) => {
            format!("the token endpoint refused: {}", crate::redact::excerpt(text.as_bytes()))
        }
        _ => "the token endpoint refused".to_owned(),
    };
    let mut error = Error::new(ErrorKind::Credentials, words).with_status(status).with_request_id(id);
    if kind_of_status(status) == ErrorKind::Throttled || status.is_server_error() {
        error = error.with_code(TRANSIENT_CREDENTIALS);
    } else {
        if let Some(told) = told {
            error = error.with_code(told.error);
        }
        error = error.advice("check client id, client secret and scope");
    }
    error
}

#[async_trait]
impl Credentials for ClientCredentials {
    async fn grant(&self) -> Result<Grant> {
        let limit = Self::PATIENCE;
        let fetched = tokio::time::timeout(limit, self.fetch()).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("the token endpoint gave no answer for {:.0} s", limit.as_secs_f64()),
            ))
        });
        fetched.map_err(|error| {
            let error = if error.is_transient() {
                let words = format!("no token: {}", error.message());
                Error::new(ErrorKind::Credentials, words).with_code(TRANSIENT_CREDENTIALS).cause(error)
            } else {
                error
            };
            error.with_target(SafeUrl(&self.settings.token_url).to_string())
        })
    }

    async fn refused(&self, _: &Grant) -> bool {
        true
    }
}
