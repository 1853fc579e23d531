//! The EdgeGate client: one engine, shared by every room of [`rest`](crate::rest).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use cube_sdk_core::config::{Environment, Origin, Sourced, parse_base_url};
use cube_sdk_core::credentials::{Credentials, FixedKey, Grant};
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::names::taken;
use cube_sdk_core::settings::Settings;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString};
use http::Method;
use url::Url;

use crate::config::{DEFAULT_API_URL, EDGEGATE_API_KEY, EDGEGATE_API_URL};
use crate::ids::WorkspaceId;
use crate::rest::operations::GET_CONTRACTS;
use crate::rest::refusal::ByDetail;
use crate::rest::{Api, Contracts, InWorkspace, WorkspaceScope, Workspaces};

/// A client of EdgeGate's REST API. Cheap to clone; clones share connections, key and retry budget.
///
/// ```
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = MockServer::start().await;
/// # let reply = serde_json::json!([{"id": "0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11", "name": "acme"}]);
/// # Mock::given(path("/v1/workspaces")).respond_with(ResponseTemplate::new(200).set_body_json(reply)).mount(&server).await;
/// # let url = server.uri();
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_core::config::Environment;
///
/// // `Environment::process()` reads the process's own variables.
/// let environment = Environment::from_pairs([("EDGEGATE_API_URL", url), ("EDGEGATE_API_KEY", "egk_live_example".to_owned())]);
/// let edgegate = EdgeGate::from_environment(&environment)?;
/// for workspace in edgegate.workspaces().list().await? {
///     println!("{} {}", workspace.id, workspace.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EdgeGate(Api);

impl fmt::Debug for EdgeGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeGate").field("base_url", &self.base_url().as_str()).finish_non_exhaustive()
    }
}

impl EdgeGate {
    /// Starts from the defaults: EdgeGate's public API, no key.
    pub fn builder() -> EdgeGateBuilder {
        EdgeGateBuilder { settings: Settings::new(), base: None, key: None }
    }

    /// From `EDGEGATE_API_URL` and `EDGEGATE_API_KEY`. A missing key is told at the first call.
    ///
    /// # Errors
    /// `Config`, naming the variable, when a value cannot be used.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        Self::builder().environment(environment.clone()).build()
    }

    /// Where calls go.
    pub fn base_url(&self) -> &Url {
        &self.0.base().value
    }

    /// Where the base URL came from.
    pub fn base_url_origin(&self) -> &Origin {
        &self.0.base().origin
    }

    /// The workspaces that the key can see.
    pub fn workspaces(&self) -> Workspaces {
        Workspaces::new(self.0.clone())
    }

    /// One workspace, by its id. Nothing is sent; an id that is none is refused by the first call.
    pub fn workspace(&self, id: impl TryInto<WorkspaceId, Error: Into<Error>>) -> WorkspaceScope {
        WorkspaceScope::new(InWorkspace { api: self.0.clone(), id: taken(id) })
    }

    /// EdgeGate's allow-lists of metrics, operators and run states.
    ///
    /// `GET /v1/_contracts`. Works without a key. Repeated when it fails on the way.
    ///
    /// # Errors
    /// Those of any read: see [`ErrorKind`].
    pub async fn contracts(&self) -> Result<Contracts> {
        let call = self.0.call(GET_CONTRACTS, Method::GET, &["v1", "_contracts"]);
        self.0.json(&if self.0.has_key() { call } else { call.anonymous() }).await
    }
}

/// 30 s for each attempt, as the published client; the whole call within core's deadline.
fn default_clocks() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.attempt = std::time::Duration::from_secs(30);
    clocks
}

/// The settings of an [`EdgeGate`].
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk_byo::EdgeGate;
/// use cube_sdk_core::config::Environment;
/// use cube_sdk_core::settings::ProxySetting;
///
/// let edgegate = EdgeGate::builder()
///     .base_url("https://edgegate.corp.example/api")
///     .api_key("egk_live_example".into()) // both are else taken from the environment
///     .environment(Environment::from_pairs([("NO_PROXY", "corp.example")]))
///     .proxy(ProxySetting::Direct)
///     .connect_timeout(Duration::from_secs(4))
///     .build()?;
/// assert_eq!(edgegate.base_url().host_str(), Some("edgegate.corp.example"));
/// # Ok::<(), cube_sdk_core::Error>(())
/// ```
#[must_use = "call build"]
pub struct EdgeGateBuilder {
    settings: Settings,
    base: Option<String>,
    key: Option<SecretString>,
}

impl fmt::Debug for EdgeGateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeGateBuilder")
            .field("settings", &self.settings)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl EdgeGateBuilder {
    cube_sdk_core::settings_methods!();

    /// Where EdgeGate lives: an absolute `http` or `https` URL, with or without a trailing slash. Default:
    /// `EDGEGATE_API_URL`, or EdgeGate's public API.
    pub fn base_url(mut self, url: impl AsRef<str>) -> Self {
        self.base = Some(url.as_ref().to_owned());
        self
    }

    /// The API key, `egk_…`, in place of `EDGEGATE_API_KEY`. White space around it is trimmed.
    pub fn api_key(mut self, key: SecretString) -> Self {
        self.key = Some(key);
        self
    }

    /// The client. Opens nothing; reads the environment.
    ///
    /// Clocks that were not set are 30 s for an attempt, 20 s idle, 120 s for the call.
    ///
    /// # Errors
    /// `Config`, naming the setting and where its value came from, when the base URL, the key or one of the settings that
    /// every domain shares cannot be used.
    pub fn build(self) -> Result<EdgeGate> {
        let ground = self.settings.ground()?;
        let environment = ground.environment();
        let base = match self.base {
            Some(base) => Some(Sourced::code(base)),
            None => environment.text(EDGEGATE_API_URL)?,
        };
        let Sourced { value, origin } = base.unwrap_or_else(|| Sourced::default_of(DEFAULT_API_URL.to_owned()));
        let place = || format!("{} ({origin})", EDGEGATE_API_URL.env);
        let base = parse_base_url(&value).map_err(|error| error.with_target(place()))?;
        let key = match self.key {
            Some(key) => Some(Sourced::code(key)),
            None => environment.secret(EDGEGATE_API_KEY)?,
        };
        let has_key = key.is_some();
        let credentials: Arc<dyn Credentials> = match key {
            Some(key) => {
                ground.check_clear_text(&place(), &base)?;
                Arc::new(
                    FixedKey::new(&key.value)
                        .map_err(|error| error.with_target(format!("{} ({})", EDGEGATE_API_KEY.env, key.origin)))?,
                )
            }
            None => Arc::new(NoKey),
        };
        let engine =
            ground.engine().credentials(credentials).classify(ByDetail).clocks(ground.clocks(default_clocks()));
        Ok(EdgeGate(Api::new(engine.build(), Sourced { value: base, origin }, has_key)))
    }
}

/// Stands where a key should be: the client can be built without one, calls cannot be made.
#[derive(Debug)]
struct NoKey;

#[async_trait]
impl Credentials for NoKey {
    async fn grant(&self) -> Result<Grant> {
        Err(Error::new(ErrorKind::Config, format!("{} is not set", EDGEGATE_API_KEY.env))
            .with_target(EDGEGATE_API_KEY.env)
            .advice("set it to a key from the workspace's settings at https://edgegate.frozo.ai, under API keys"))
    }

    async fn refused(&self, _: &Grant) -> bool {
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_their_origin() {
        let environment = Environment::from_pairs([("EDGEGATE_API_URL", "not a url")]);
        let error = EdgeGate::from_environment(&environment).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.target(), Some("EDGEGATE_API_URL (from EDGEGATE_API_URL)"));
        let error = EdgeGate::builder().api_key("egk_live_\ncanary".into()).build().unwrap_err();
        assert_eq!(error.target(), Some("EDGEGATE_API_KEY (set in code)"));
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn one_trailing_slash_makes_no_difference() {
        for base in ["https://h/api", "https://h/api/"] {
            let client = EdgeGate::builder().base_url(base).build().unwrap();
            assert_eq!(client.0.url(&["v1", "workspaces"]).as_str(), "https://h/api/v1/workspaces");
        }
        let client = EdgeGate::from_environment(&Environment::from_pairs::<String, String>([])).unwrap();
        assert_eq!(client.0.url(&["v1"]).as_str(), "https://edgegateapi.frozo.ai/v1");
        assert_eq!(client.base_url_origin(), &Origin::Default);
    }

    #[test]
    fn debug_shows_no_key() {
        let builder = EdgeGate::builder().api_key("egk_live_canary".into());
        assert!(!format!("{builder:?}").contains("canary"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("canary"));
    }
}
