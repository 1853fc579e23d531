//! The client: one GraphQL endpoint, one token, one way of a call.

use std::fmt;
use std::sync::Arc;

use cube_sdk_core::clock::Clock;
use cube_sdk_core::config::{Environment as Settable, Sourced, join, parse_base_url};
use cube_sdk_core::credentials::ClientCredentials;
use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::transport::{HttpClient, SharedTransport};
use cube_sdk_core::{Engine, Error, ErrorKind, Operation, Result, SecretString};
use http::{HeaderName, HeaderValue, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::{FETCH_USER_AGENT, Settings};
use crate::fault::{ApolloFault, Rules};
use crate::graphql::Request;

/// A client of Apollo. Cheap to clone; clones share connections, token and retry budget.
///
/// Calls take an environment by name, by RID, or as it was read before; a name costs a look-up in the whole list.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let environment = world.environment();
/// use cube_sdk_apollo::Apollo;
///
/// let apollo = Apollo::from_environment(&environment)?; // CUBE_APOLLO_URL, CUBE_APOLLO_CLIENT_ID, …
/// let teams = apollo.my_teams().await?;
/// assert_eq!(teams, ["platform"]);
/// assert!(apollo.url().as_str().starts_with("http://127.0.0.1:"));
/// assert_eq!(Apollo::operations().len(), 49);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone)]
pub struct Apollo(Arc<Parts>);

struct Parts {
    base: Url,
    endpoint: Url,
    strict: Engine,
    partial: Engine,
}

impl fmt::Debug for Apollo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apollo").field("url", &self.0.base.as_str()).finish_non_exhaustive()
    }
}

/// The settings of an [`Apollo`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// use cube_sdk_apollo::Apollo;
/// use cube_sdk_core::clock::Clock;
/// use cube_sdk_core::engine::Clocks;
/// use cube_sdk_core::retry::Retrier;
///
/// let apollo = Apollo::builder()
///     .environment(&world.environment())? // what follows goes before it
///     .url(world.url())
///     .client_id("svc-edge")
///     .client_secret("a secret of the service".to_owned().into())
///     .clocks(Clocks::default())
///     .clock(Clock::system())
///     .retrier(Retrier::default())
///     .transport(world.transport())
///     .build()?;
/// apollo.my_teams().await?;
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "call build"]
#[derive(Debug, Default)]
pub struct ApolloBuilder {
    settings: Settings,
    url: Option<String>,
    transport: Option<SharedTransport>,
    retrier: Option<Retrier>,
    clocks: Option<Clocks>,
    clock: Clock,
}

impl ApolloBuilder {
    /// Base URL, `https://host`. Default: [`DEFAULT_URL`](crate::config::DEFAULT_URL).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The OAuth2 client id.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.settings.client_id = Some(Sourced::code(id.into()));
        self
    }

    /// The OAuth2 client secret.
    pub fn client_secret(mut self, secret: SecretString) -> Self {
        self.settings.client_secret = Some(Sourced::code(secret));
        self
    }

    /// Takes `CUBE_APOLLO_URL`, `CUBE_APOLLO_CLIENT_ID` and `CUBE_APOLLO_CLIENT_SECRET`, in place of what was set
    /// before.
    ///
    /// # Errors
    /// `Config`, naming the variable, when the URL is none.
    pub fn environment(mut self, environment: &Settable) -> Result<Self> {
        self.settings = Settings::from_environment(environment)?;
        Ok(self)
    }

    /// Another way to the network than a pooling HTTP client of its own.
    pub fn transport(mut self, transport: SharedTransport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Retry policy and budget.
    pub fn retrier(mut self, retrier: Retrier) -> Self {
        self.retrier = Some(retrier);
        self
    }

    /// The clocks of each call. Default: core's, with 90 s for one attempt.
    pub fn clocks(mut self, clocks: Clocks) -> Self {
        self.clocks = Some(clocks);
        self
    }

    /// The clock that decides whether a token has expired.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The client. Nothing is sent.
    ///
    /// # Errors
    /// `Config` when client id or secret is missing, or the URL is none.
    pub fn build(self) -> Result<Apollo> {
        let base = match &self.url {
            Some(url) => parse_base_url(url)?,
            None => self.settings.base_url()?,
        };
        let (id, secret) = self.settings.credentials()?;
        let transport = self.transport.unwrap_or_else(|| Arc::new(HttpClient::default()));
        let token_url = join(&base, &["multipass", "api", "oauth2", "token"]);
        let credentials = Arc::new(
            ClientCredentials::builder(token_url, id, secret)
                .secret_in_body()
                .clock(self.clock)
                .build(transport.clone()),
        );
        let retrier = self.retrier.unwrap_or_default();
        let clocks = self.clocks.unwrap_or_else(|| {
            let mut clocks = Clocks::default();
            clocks.first_byte = std::time::Duration::from_secs(90);
            clocks.attempt = std::time::Duration::from_secs(90);
            clocks.deadline = std::time::Duration::from_secs(180);
            clocks
        });
        let engine = |partial| {
            Engine::builder(transport.clone())
                .credentials(credentials.clone())
                .classify(Rules { partial })
                .retrier(retrier.clone())
                .clocks(clocks)
                .response_cap(64 * 1024 * 1024)
                .build()
        };
        let endpoint = join(&base, &["graphql-gateway", "api", "graphql"]);
        Ok(Apollo(Arc::new(Parts { base, endpoint, strict: engine(false), partial: engine(true) })))
    }
}

impl Apollo {
    /// Starts the settings of a client.
    pub fn builder() -> ApolloBuilder {
        ApolloBuilder::default()
    }

    /// A client with the settings of an environment: `CUBE_APOLLO_URL`, `CUBE_APOLLO_CLIENT_ID`,
    /// `CUBE_APOLLO_CLIENT_SECRET`.
    ///
    /// # Errors
    /// `Config`, naming the variable that is missing or wrong.
    pub fn from_environment(environment: &Settable) -> Result<Self> {
        Self::builder().environment(environment)?.build()
    }

    /// The base URL.
    pub fn url(&self) -> &Url {
        &self.0.base
    }

    /// Every operation of the service: name and whether it may be sent twice.
    pub fn operations() -> &'static [Operation] {
        crate::graphql::OPERATIONS
    }

    /// Sends a request; errors beside data fail it unless `partial`.
    pub(crate) async fn send(&self, request: Request, partial: bool) -> Result<Answer> {
        let parts = &self.0;
        let operation = request.operation;
        let target =
            request.target().map_or_else(|| parts.base.host_str().unwrap_or_default().to_owned(), str::to_owned);
        let call = Call::new(operation, Method::POST, parts.endpoint.clone())
            .json(&request.body())?
            .header(HeaderName::from_static("fetch-user-agent"), HeaderValue::from_static(FETCH_USER_AGENT))
            .about(target.clone())
            .hides(request.hidden().iter().cloned());
        let engine = if partial { &parts.partial } else { &parts.strict };
        let reply = engine.run(&call).await?;
        let mut body: Value =
            reply.json().map_err(|error| error.with_operation(operation).with_target(target.clone()))?;
        let errors = body.get_mut("errors").map(Value::take);
        let fault =
            errors.as_ref().and_then(Value::as_array).and_then(|errors| ApolloFault::from_wire(errors, reply.hidden()));
        let data = body.get_mut("data").map(Value::take).unwrap_or_default();
        Ok(Answer { operation, target, bytes: reply.body.len(), data, fault })
    }
}

/// The data of a reply, with what errors about it must say.
pub(crate) struct Answer {
    operation: Operation,
    target: String,
    /// Length of the body.
    pub(crate) bytes: usize,
    pub(crate) data: Value,
    pub(crate) fault: Option<ApolloFault>,
}

impl Answer {
    /// The value at a pointer; none when it is absent or null.
    pub(crate) fn at(&self, pointer: &str) -> Option<&Value> {
        self.data.pointer(pointer).filter(|value| !value.is_null())
    }

    /// Reads one value of this reply.
    pub(crate) fn parse<T: DeserializeOwned>(&self, value: &Value) -> Result<T> {
        T::deserialize(value).map_err(|cause| self.unreadable("an item", &cause))
    }

    /// Reads the value at a pointer; none when it is absent or null.
    pub(crate) fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>> {
        self.at(pointer)
            .map(|value| T::deserialize(value).map_err(|cause| self.unreadable(pointer, &cause)))
            .transpose()
    }

    /// Reads the value at a pointer, which must be there.
    pub(crate) fn require<T: DeserializeOwned>(&self, pointer: &str) -> Result<T> {
        self.read(pointer)?.ok_or_else(|| self.absent(pointer))
    }

    /// A field whose value says nothing must at least be there: its type is not published, null may be success.
    pub(crate) fn acknowledges(&self, pointer: &str) -> Result<()> {
        self.data.pointer(pointer).map(drop).ok_or_else(|| self.absent(pointer))
    }

    /// A field that must be there is absent.
    pub(crate) fn absent(&self, pointer: &str) -> Error {
        self.error(ErrorKind::Decode, format!("the reply has no {}", dotted(pointer)))
            .advice("update the SDK, or report this to the operator of Apollo")
    }

    /// Nothing has the id that was asked for.
    pub(crate) fn not_found(&self, what: &str) -> Error {
        self.error(ErrorKind::NotFound, format!("there is no such {what}, or it is hidden from this client"))
    }

    pub(crate) fn error(&self, kind: ErrorKind, words: impl Into<String>) -> Error {
        Error::new(kind, words)
            .with_operation(self.operation)
            .with_target(self.target.clone())
            .with_status(http::StatusCode::OK)
    }

    fn unreadable(&self, pointer: &str, cause: &serde_json::Error) -> Error {
        // serde's words quote the value that it met, which may be a secret.
        tracing::debug!(operation = %self.operation, category = ?cause.classify(), "a reply cannot be read");
        self.error(ErrorKind::Decode, format!("{} of the reply: a field has another type", dotted(pointer)))
            .advice("update the SDK, or report this to the operator of Apollo")
    }
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
