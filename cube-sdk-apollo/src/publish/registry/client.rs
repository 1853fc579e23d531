//! The client of one registry.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cube_sdk_core::credentials::Credentials;
use cube_sdk_core::engine::{ByStatus, Call, Classify, Clocks, Reply};
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::settings::{Ground, Settings};
use cube_sdk_core::{Engine, Idempotency, Operation, Result, SecretString};
use http::{Method, StatusCode};
use url::Url;

use super::challenge::Challenge;
use super::login::{Asking, Login};
use super::rules::Rules;
use super::session::Session;
use super::{RegistryHost, Repository, docker_config};

const PING: Operation = Operation::new("registry", "ping", Idempotency::Read);

/// A client of one OCI registry. Cheap to clone; clones share connections and tokens.
///
/// ```
/// # use cube_sdk_testkit::apollo::registry::{Guard, Registry as Double};
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let double = Double::start(Guard::Token("ci".into(), "a password".into())).await.unwrap();
/// # let host = double.host();
/// # let folder = tempfile::tempdir().unwrap();
/// # let (folder, out) = (folder.path().join("web"), folder.path());
/// # std::fs::create_dir_all(&folder).unwrap();
/// # std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
/// use cube_sdk_apollo::publish::{Chart, Registry, RegistryHost, Repository, Tag};
///
/// let registry = Registry::builder(RegistryHost::parse(&host)?)
///     .plain_http() // this machine only; https elsewhere
///     .user("ci", "a password".to_owned().into()) // else as `docker login` and `helm registry login` left it
///     .build()?;
/// let repository = Repository::parse("charts/com.example/web")?;
/// let package = Chart::find(Some(&folder))?.contents()?.package(out)?;
/// let pushed = registry.push_chart(&repository, &package).await?;
/// assert_eq!(registry.verify_chart(&repository, &package).await?, pushed.manifest);
/// let pulled = registry.pull_chart(&repository, &Tag::parse("1.4.2")?, &out.join("pulled")).await?;
/// assert_eq!(&pulled.layer, package.digest());
/// assert_eq!(&registry.push_file(&repository, package.path()).await?, package.digest()); // as a bare blob
/// assert_eq!(registry.host().as_str(), host);
/// # Ok::<(), cube_sdk_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Registry(Arc<Parts>);

struct Parts {
    ground: Ground,
    host: RegistryHost,
    base: Url,
    login: Option<Login>,
    asking: Asking,
    ping: Engine,
    /// What was opened: by repository, and whether it may push.
    sessions: Mutex<HashMap<(Repository, bool), Session>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.0.host).finish_non_exhaustive()
    }
}

/// The settings of a [`Registry`].
#[derive(Debug)]
#[must_use = "call build"]
pub struct RegistryBuilder {
    settings: Settings,
    host: RegistryHost,
    plain_http: bool,
    login: Option<Login>,
}

impl RegistryBuilder {
    cube_sdk_core::settings_methods!();

    /// Goes by `http://`: to this machine only, unless clear text is allowed.
    pub fn plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// A user and password, by which tokens are got where the registry wants tokens.
    ///
    /// Without any of these the files of helm and docker are looked into, with their credential helpers:
    /// `HELM_REGISTRY_CONFIG` or `~/.config/helm/registry/config.json`, then `DOCKER_CONFIG` or `~/.docker`.
    pub fn user(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.login = Some(Login::Basic { user: user.into(), password });
        self
    }

    /// A bearer token, sent as it is with each request.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cube_sdk_apollo::publish::{Registry, RegistryHost};
    /// use cube_sdk_core::credentials::FixedKey;
    ///
    /// let host = RegistryHost::parse("registry.example")?;
    /// Registry::builder(host.clone()).token("a token".to_owned().into()).build()?;
    /// // The credentials of another service, renewed as that one renews them:
    /// let shared = Arc::new(FixedKey::new(&"a token".to_owned().into())?);
    /// Registry::builder(host.clone()).credentials(shared).build()?;
    /// Registry::builder(host).anonymous().build()?; // for what is public
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    pub fn token(mut self, token: SecretString) -> Self {
        self.login = Some(Login::Bearer(token));
        self
    }

    /// The credentials of another service, sent as they are and renewed as it renews them.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.login = Some(Login::Shared(credentials));
        self
    }

    /// No credentials, whatever docker and helm know.
    pub fn anonymous(mut self) -> Self {
        self.login = Some(Login::Anonymous);
        self
    }

    /// The client. Nothing is sent or read.
    ///
    /// # Errors
    /// `Config` where a setting cannot be used, or credentials would go in clear text to another machine.
    pub fn build(self) -> Result<Registry> {
        let ground = self.settings.ground()?;
        let scheme = if self.plain_http { "http" } else { "https" };
        let base = cube_sdk_core::config::parse_base_url(&format!("{scheme}://{}/v2/", self.host))?;
        ground.check_clear_text("registry", &base)?;
        if let Some(login) = &self.login {
            login.as_is()?;
        }
        let engine = ground.engine().classify(ByStatus).clocks(ground.clocks(short())).build();
        let ping = ground.engine().classify(Unasked).clocks(ground.clocks(short())).build();
        let asking = Asking { engine, clock: *ground.clock(), clear_text: self.plain_http };
        let sessions = Mutex::default();
        Ok(Registry(Arc::new(Parts { ground, host: self.host, base, login: self.login, asking, ping, sessions })))
    }
}

fn short() -> Clocks {
    let mut clocks = Clocks::default();
    clocks.deadline = Duration::from_secs(240);
    clocks
}

/// A registry's first word: what it wants.
#[derive(Debug)]
struct Unasked;

impl Classify for Unasked {
    fn classify(&self, _: Operation, reply: &Reply) -> Result<()> {
        // A registry without the catalogue of version 2 may still serve a repository.
        let known = matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        if reply.status.is_success() || known { Ok(()) } else { Err(reply.refusal()) }
    }
}

impl Registry {
    /// Starts the settings of a client.
    pub fn builder(host: RegistryHost) -> RegistryBuilder {
        RegistryBuilder { settings: Settings::new(), host, plain_http: false, login: None }
    }

    /// Starts the settings of a client of the registry at a service's own host, such as Apollo's; `http://` goes in clear
    /// text.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::Registry;
    /// let registry = Registry::builder_at(&"https://apollo.example:8443/base/".parse().unwrap())?;
    /// assert_eq!(registry.anonymous().build()?.host().as_str(), "apollo.example:8443");
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` where the URL names no host.
    pub fn builder_at(url: &Url) -> Result<RegistryBuilder> {
        let builder = Self::builder(RegistryHost::of_url(url)?);
        Ok(if url.scheme() == "http" { builder.plain_http() } else { builder })
    }

    /// An engine over the same transport without any credentials.
    pub(in crate::publish) fn bare_engine(&self) -> Engine {
        self.0.ground.engine().build()
    }

    /// The registry.
    pub fn host(&self) -> &RegistryHost {
        &self.0.host
    }

    pub(super) fn retrier(&self) -> &Retrier {
        self.0.ground.retrier()
    }

    /// What a repository is reached by, after the registry was asked how.
    pub(super) async fn session(&self, repository: &Repository, push: bool) -> Result<Session> {
        let parts = &self.0;
        let key = (repository.clone(), push);
        if let Some(session) = self.lock().get(&key) {
            return Ok(session.clone());
        }
        let login = match &parts.login {
            Some(login) => login.clone(),
            None => docker_config::find(parts.ground.environment(), &parts.host).await?.unwrap_or(Login::Anonymous),
        };
        let credentials = match login.as_is()? {
            Some(credentials) => Some(credentials),
            None => self.asked(&login, repository, push).await?,
        };
        let engine = |retrier: Retrier| {
            let mut engine =
                parts.ground.engine().classify(Rules).clocks(parts.ground.clocks(short())).retrier(retrier);
            if let Some(credentials) = &credentials {
                engine = engine.credentials(Arc::clone(credentials));
            }
            engine.build()
        };
        let (engine, once) = (engine(parts.ground.retrier().clone()), engine(Retrier::never()));
        let host = parts.host.clone();
        let session = Session { engine, once, base: parts.base.clone(), host, repository: repository.clone() };
        self.lock().insert(key, session.clone());
        Ok(session)
    }

    async fn asked(&self, login: &Login, repository: &Repository, push: bool) -> Result<Option<Arc<dyn Credentials>>> {
        let parts = &self.0;
        let call = Call::new(PING, Method::GET, parts.base.clone()).anonymous().about(parts.host.as_str());
        let reply = parts.ping.run(&call).await?;
        let challenge = Challenge::of(&reply.headers);
        let challenge = match (reply.status, challenge, login) {
            (StatusCode::UNAUTHORIZED, Some(challenge), _) => challenge,
            (StatusCode::UNAUTHORIZED, None, _) | (_, _, Login::Basic { .. }) => Challenge::Basic,
            _ => return Ok(None),
        };
        let actions = if push { "pull,push" } else { "pull" };
        login.answering(challenge, format!("repository:{repository}:{actions}"), parts.asking.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Repository, bool), Session>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
