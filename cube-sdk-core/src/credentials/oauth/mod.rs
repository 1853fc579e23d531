//! OAuth2 client credentials (RFC 6749 §4.4): one form POST to the token endpoint.

mod token;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use http::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use token::lifetime;

use super::{CachedCredentials, Credentials, Grant};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, Sent, WhichClock, request_id_of};
use crate::operation::{Idempotency, Operation};
use crate::redact::{Hidden, SafeUrl};
use crate::retry::{Attempt, Frame, Retrier};
use crate::transport::{Middleware, Next, SharedTransport};

/// The call of a token endpoint. Asking twice does no harm.
pub const TOKEN: Operation = Operation::new("oauth", "token", Idempotency::Repeatable);

/// How the token endpoint is asked.
///
/// ```
/// use std::sync::Arc;
///
/// use cube_sdk_core::SecretString;
/// use cube_sdk_core::credentials::{ClientCredentials, Credentials};
/// use cube_sdk_core::transport::HttpClient;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let token = serde_json::json!({"access_token": "t1", "token_type": "Bearer", "expires_in": 600});
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200).set_body_json(token);
/// # let asked = wiremock::matchers::any();
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let credentials = ClientCredentials::builder(url, "fleet", SecretString::from("t0psecret"))
///     .scope("read")
///     .build(Arc::new(HttpClient::builder().no_proxy().build()));
/// let grant = credentials.grant().await?;
/// assert_eq!(grant.authorization, "Bearer t1");
/// credentials.grant().await?; // kept: the endpoint was asked once
/// assert_eq!(server.received_requests().await.unwrap().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientCredentialsBuilder {
    token_url: Url,
    client_id: String,
    client_secret: SecretString,
    scope: Option<String>,
    in_body: bool,
    clock: Clock,
    middleware: Vec<Arc<dyn Middleware>>,
    patience: Duration,
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

    /// How long the endpoint may take to answer. Default 20 s.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Adds a middleware around the call for a token, inside those added before.
    #[must_use]
    pub fn middleware(mut self, middleware: Arc<dyn Middleware>) -> Self {
        self.middleware.push(middleware);
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
            middleware: Vec::new(),
            patience: Self::PATIENCE,
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
        let pair = SecretString::from(format!(
            "{}:{}",
            encoded(&self.settings.client_id),
            encoded(self.settings.client_secret.expose_secret())
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

    async fn fetch(&self, attempt: Attempt) -> Result<Grant> {
        let settings = &self.settings;
        let next = Next::new(&settings.middleware, self.transport.as_ref());
        let answer = next.run(attempt.clone(), self.request()?).await?;
        let (head, body) = answer.into_parts();
        attempt.answered(Some(head.status.as_u16()), request_id_of(&head.headers).as_deref());
        let body =
            body.collect(Self::CAP, self.settings.patience).await.map_err(|error| error.with_status(head.status))?;
        token::read(&head, &body, settings.clock, &self.hidden())
    }

    /// What was sent to the endpoint and must not come back in its words.
    fn hidden(&self) -> Hidden {
        let hidden = Hidden::new([self.settings.client_secret.clone()]);
        self.basic().map_or_else(|_| hidden.clone(), |basic| hidden.with_authorization(&basic))
    }

    /// The error of the call that wanted a token: it did not leave, whatever became of the token's own.
    fn no_token(&self, cause: Error) -> Error {
        let kind = if cause.kind() == ErrorKind::Config { ErrorKind::Config } else { ErrorKind::Credentials };
        let mut error = Error::new(kind, format!("no token: {}", cause.message()))
            .with_target(SafeUrl(&self.settings.token_url).to_string())
            .with_request_id(cause.request_id())
            .with_retry_after(cause.retry_after());
        if let Some(status) = cause.status() {
            error = error.with_status(status);
        }
        error = error.with_transient(cause.is_transient());
        if let Some(code) = cause.code() {
            error = error.with_code(code);
        }
        match cause.next_step() {
            Some(advice) => error = error.advice(advice),
            None if cause.status().is_some_and(|status| status.is_client_error()) && !cause.is_transient() => {
                error = error.advice("check client id, client secret and scope");
            }
            None => {}
        }
        error.with_sent(Sent::No).cause(cause)
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[async_trait]
impl Credentials for ClientCredentials {
    async fn grant(&self) -> Result<Grant> {
        let limit = self.settings.patience;
        let frame = Frame::new(TOKEN).target(SafeUrl(&self.settings.token_url).to_string());
        // Whether it is worth another attempt is decided with the call that needs the token, for all of them.
        let once = Retrier::never();
        let fetched = frame.run(&once, |attempt| async move {
            tokio::time::timeout(limit, self.fetch(attempt)).await.unwrap_or_else(|_| {
                let words = format!("the token endpoint gave no answer for {:.0} s", limit.as_secs_f64());
                Err(Error::new(ErrorKind::Timeout, words).with_clock(WhichClock::Attempt))
            })
        });
        fetched.await.map_err(|cause| self.no_token(cause))
    }

    async fn refused(&self, _: &Grant) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
