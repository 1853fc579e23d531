//! The client: one GraphQL endpoint, one token, one way of a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::config::{Environment, Origin, Sourced, join};
use cube_sdk_core::credentials::{ClientCredentials, Credentials, FixedKey};
use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::redact::SafeUrl;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_core::settings::{Described, Ground, Settings};
use cube_sdk_core::{Engine, Error, ErrorKind, Operation, Result, SecretString};
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use crate::answer::Answer;
use crate::config::{CLIENT_ID, CLIENT_SECRET, FETCH_USER_AGENT, Own, Proof, TOKEN, URL};
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
/// assert_eq!(Apollo::documents().len(), 49 + 17); // a second one for the later pages of some lists
/// let token = apollo.access_token().await?; // for Apollo's container registry
/// assert_eq!(format!("{token:?}"), "SecretBox<str>([REDACTED])");
/// for row in apollo.describe() {
///     println!("{row}"); // what it was set up with, without secrets
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone)]
pub struct Apollo(Arc<Parts>);

struct Parts {
    ground: Ground,
    base: Sourced<Url>,
    proof: [Described; 1],
    #[cfg(feature = "publish")]
    settings: Settings,
    credentials: Arc<dyn Credentials>,
    endpoint: Url,
    strict: Engine,
    partial: Engine,
}

impl fmt::Debug for Apollo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apollo").field("url", &self.0.base.value.as_str()).finish_non_exhaustive()
    }
}

/// How long the token endpoint may take at most.
const TOKEN_PATIENCE: Duration = Duration::from_secs(20);

/// The settings of an [`Apollo`]. What is set in code wins over the environment, whatever the order of the calls.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// use std::time::Duration;
///
/// use cube_sdk_apollo::Apollo;
/// use cube_sdk_core::clock::Clock;
/// use cube_sdk_core::engine::Clocks;
/// use cube_sdk_core::retry::Retrier;
/// use cube_sdk_core::settings::Settings;
///
/// let apollo = Apollo::builder()
///     .settings(Settings::new()) // of several clients alike
///     .environment(&world.environment())
///     .url(world.url())
///     .client_id("svc-edge")
///     .client_secret("a secret of the service".to_owned().into())
///     .application("fleet-console", "1.4.2")
///     .connect_timeout(Duration::from_secs(5))
///     .clocks(Clocks::default())
///     .clock(Clock::system())
///     .retrier(Retrier::default())
///     .transport(world.transport())
///     .build()?;
/// apollo.my_teams().await?;
///
/// // A token that something else fetched, in place of client id and secret:
/// let token = world.token();
/// let apollo = Apollo::builder().url(world.url()).token(token.into()).build()?;
/// apollo.my_teams().await?;
///
/// // Behind a company's proxy and private authority, each request counted and traced:
/// # #[derive(Debug)] struct Counted;
/// # #[async_trait::async_trait]
/// # impl Middleware for Counted {
/// #     async fn handle(&self, attempt: Attempt, request: http::Request<bytes::Bytes>, next: Next<'_>) -> cube_sdk_core::Result<Answer> {
/// #         next.run(attempt, request).await
/// #     }
/// # }
/// # #[derive(Debug)] struct Traced;
/// # impl TraceContext for Traced { fn inject(&self, _: &mut http::HeaderMap) {} }
/// use std::sync::Arc;
/// use cube_sdk_core::settings::{ProxySetting, TraceContext};
/// use cube_sdk_core::transport::{Answer, Attempt, Middleware, Next, RootCertificates};
///
/// let proxy = ProxySetting::Fixed { url: "http://proxy.corp.example:3128".parse().unwrap(), no_proxy: String::new() };
/// let behind = Apollo::builder()
///     .url("http://apollo.corp.example")
///     .token("a token".to_owned().into())
///     .proxy(proxy)
///     .extra_ca(RootCertificates::default()) // in life: RootCertificates::from_file(path)?
///     .middleware(Arc::new(Counted))
///     .trace_context(Arc::new(Traced))
///     .danger_allow_clear_text() // the token goes over http: for everyone on the way to read
///     .build()?;
/// assert_eq!(behind.url().scheme(), "http");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "call build"]
#[derive(Debug, Default)]
pub struct ApolloBuilder {
    settings: Settings,
    own: Own,
}

impl ApolloBuilder {
    cube_sdk_core::settings_methods!();

    /// Base URL, `https://host`. Default: [`DEFAULT_URL`](crate::config::DEFAULT_URL).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.own.url = Some(url.into());
        self
    }

    /// The OAuth2 client id.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.own.client_id = Some(id.into());
        self
    }

    /// The OAuth2 client secret.
    pub fn client_secret(mut self, secret: SecretString) -> Self {
        self.own.client_secret = Some(secret);
        self
    }

    /// A bearer token in place of client id and secret. It is never renewed: once it has ended, calls fail as
    /// `Unauthenticated`.
    pub fn token(mut self, token: SecretString) -> Self {
        self.own.token = Some(token);
        self
    }

    /// The client. Nothing is sent.
    ///
    /// # Errors
    /// `Config`, naming the setting, when client id or secret is missing, the URL is none, or secrets would go in clear
    /// text to another machine.
    pub fn build(self) -> Result<Apollo> {
        let ground = self.settings.ground()?;
        let base = self.own.base_url(ground.environment())?;
        ground.check_clear_text(URL.env, &base.value)?;
        let proof = self.own.proof(ground.environment())?;
        let described = match &proof {
            Proof::Client { id, .. } => [Described::sourced("Apollo client id", id)],
            Proof::Token(token) => [Described::new("Apollo token", "set", token.origin.clone())],
        };
        let credentials = credentials(&ground, &base.value, proof)?;
        // 90 s for each step, as the published client; the whole call within twice that.
        let mut clocks = Clocks::default();
        clocks.first_byte = Duration::from_secs(90);
        clocks.attempt = Duration::from_secs(90);
        clocks.deadline = Duration::from_secs(180);
        let engine = |partial| {
            let engine = ground.engine().credentials(credentials.clone()).classify(Rules { partial });
            engine.clocks(ground.clocks(clocks)).response_cap(64 * 1024 * 1024).build()
        };
        let (strict, partial) = (engine(false), engine(true));
        let endpoint = join(&base.value, &["graphql-gateway", "api", "graphql"]);
        Ok(Apollo(Arc::new(Parts {
            ground,
            base,
            proof: described,
            #[cfg(feature = "publish")]
            settings: self.settings,
            credentials,
            endpoint,
            strict,
            partial,
        })))
    }
}

fn credentials(ground: &Ground, base: &Url, proof: Proof) -> Result<Arc<dyn Credentials>> {
    let named = |key: &str, origin: &Origin| format!("{key} ({origin})");
    Ok(match proof {
        Proof::Token(token) => {
            Arc::new(FixedKey::new(&token.value).map_err(|error| error.with_target(named(TOKEN.env, &token.origin)))?)
        }
        Proof::Client { id, secret } => {
            let given = [
                (CLIENT_ID, id.value.as_str(), &id.origin),
                (CLIENT_SECRET, secret.value.expose_secret(), &secret.origin),
            ];
            if let Some((key, _, origin)) = given.iter().find(|(_, value, _)| value.trim().is_empty()) {
                return Err(Error::new(ErrorKind::Config, "it is empty").with_target(named(key.env, origin)));
            }
            let token_url = join(base, &["multipass", "api", "oauth2", "token"]);
            let asked = ClientCredentials::builder(token_url, id.value, secret.value)
                .secret_in_body()
                .clock(*ground.clock())
                .patience(TOKEN_PATIENCE.min(ground.clocks(Clocks::default()).first_byte));
            let asked =
                ground.middleware().iter().cloned().fold(asked, |asked, middleware| asked.middleware(middleware));
            Arc::new(asked.build(ground.transport()))
        }
    })
}

impl Apollo {
    /// Starts the settings of a client.
    pub fn builder() -> ApolloBuilder {
        ApolloBuilder::default()
    }

    /// A client with the settings of an environment: `CUBE_APOLLO_URL`, and `CUBE_APOLLO_CLIENT_ID` with
    /// `CUBE_APOLLO_CLIENT_SECRET`, or `CUBE_APOLLO_TOKEN`.
    ///
    /// # Errors
    /// `Config`, naming the variable that is missing or wrong.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        Self::builder().environment(environment).build()
    }

    /// The base URL.
    pub fn url(&self) -> &Url {
        &self.0.base.value
    }

    /// Every operation of the service: name and whether it may be sent twice.
    pub fn operations() -> &'static [Operation] {
        crate::graphql::OPERATIONS
    }

    /// Every document that the client sends, those for later pages included: for servers that take only documents that
    /// they know.
    pub fn documents() -> Vec<&'static str> {
        crate::graphql::texts().into_iter().flat_map(|(_, first, later)| [Some(first), later]).flatten().collect()
    }

    /// What it was set up with, without secrets.
    pub fn describe(&self) -> Vec<Described> {
        let base = Described::new("Apollo URL", SafeUrl(&self.0.base.value).to_string(), self.0.base.origin.clone());
        [base].into_iter().chain(self.0.proof.clone()).chain(self.0.ground.describe()).collect()
    }

    /// The access token that its calls go out with, for what stands beside it, such as Apollo's container registry. It is
    /// renewed before its end: ask again rather than keep it.
    ///
    /// # Errors
    /// `Credentials` or `Config` when there is none to be had.
    pub async fn access_token(&self) -> Result<SecretString> {
        let grant = self.0.credentials.grant().await?;
        let header = grant.authorization.to_str().ok();
        let token =
            header.and_then(|text| text.strip_prefix("Bearer ")).map(|token| SecretString::from(token.to_owned()));
        token.ok_or_else(|| Error::new(ErrorKind::Credentials, "the credentials are no bearer token"))
    }

    /// What it was set up with, for what stands beside it.
    #[cfg(feature = "publish")]
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Its token, renewed as its own calls renew it.
    #[cfg(feature = "publish")]
    pub(crate) fn credentials(&self) -> Arc<dyn Credentials> {
        Arc::clone(&self.0.credentials)
    }

    /// Sends a request; errors beside data fail it unless `partial`.
    pub(crate) async fn send(&self, request: &Request, partial: bool) -> Result<Answer> {
        let parts = &self.0;
        let operation = request.operation;
        let target =
            request.target().map_or_else(|| parts.base.value.host_str().unwrap_or_default().to_owned(), str::to_owned);
        let call = Call::new(operation, Method::POST, parts.endpoint.clone())
            .json(&request.body())?
            .header(HeaderName::from_static("fetch-user-agent"), HeaderValue::from_static(FETCH_USER_AGENT))
            .about(target.clone())
            .hides(request.hidden().iter().cloned());
        let engine = if partial { &parts.partial } else { &parts.strict };
        let reply = engine.run(&call).await?;
        let mut body: Value =
            reply.json().map_err(|error| error.with_operation(operation).with_target(target.clone()))?;
        let fault = ApolloFault::of_reply(&body, reply.hidden());
        let data = body.get_mut("data").map(Value::take).unwrap_or_default();
        Ok(Answer { operation, target, bytes: reply.body.len(), data, fault })
    }
}
