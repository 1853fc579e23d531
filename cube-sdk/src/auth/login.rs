//! Browser login: a page for a person, and polls until it gave a key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cube_sdk_core::engine::{Call, Clocks};
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::secret::{bearer, trimmed};
use cube_sdk_core::{Engine, Error, ErrorKind, Idempotency, Operation, Result, SecretString, awaitable};
use http::Method;
use url::Url;

use super::backoff::Backoff;
use super::poll::{AnyAnswer, Polled};
use super::session::SessionId;
use super::{LoginFault, Opener};
use crate::cloud::Service;
use crate::keys::KeyStore;

const POLL: Operation = Operation::new("cube-cloud", "login_poll", Idempotency::Read);
/// How long one poll may take, as with every published client.
const ONE_POLL: Duration = Duration::from_secs(10);

/// The page of a login, for whoever signs in.
#[derive(Clone)]
pub struct LoginPage {
    url: Url,
    code: String,
}

/// Whoever has the address may give the key away, so that it is not shown here.
impl fmt::Debug for LoginPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginPage").field("code", &self.code).finish_non_exhaustive()
    }
}

impl LoginPage {
    /// Where to sign in. To be shown to the user, and to nobody else.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Eight letters that the page shows as well: to be compared before the login is allowed.
    pub fn code(&self) -> &str {
        &self.code
    }
}

/// A login that went well.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// Where the key is kept.
    pub place: String,
    /// Another key wins over the one that is kept: the variable or the setting that has it.
    pub shadowed_by: Option<String>,
}

/// A login about to begin; await it.
///
/// ```
/// use cube_sdk::auth::LoginPage;
/// use cube_sdk::prelude::*;
///
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let world = cube_sdk_server::local::World::start().await?;
/// # let cube = Cube::builder().environment(world.environment()).build();
/// let show = |page: &LoginPage| println!("sign in at {}\nthe page shows {}", page.url(), page.code());
/// let login = cube.auth()?.login(show);
/// // Awaiting it shows the page and waits, two minutes at most, until somebody has allowed the login there.
/// # drop(login);
/// # Ok(())
/// # }
/// ```
#[must_use = "a login begins when it is awaited"]
pub struct Login {
    service: Arc<Service>,
    show: Box<dyn FnOnce(&LoginPage) + Send>,
    opener: Option<Box<dyn Opener>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Login {
    pub(super) fn new(service: Arc<Service>, show: impl FnOnce(&LoginPage) + Send + 'static) -> Self {
        Self { service, show: Box::new(show), opener: None }
    }

    /// Opens the page in a browser as well. Where that fails the login goes on: the page was shown.
    pub fn open_with(mut self, opener: impl Opener) -> Self {
        self.opener = Some(Box::new(opener));
        self
    }

    async fn send(self) -> Result<LoggedIn> {
        let Self { service, show, opener } = self;
        let store = service.store()?;
        // Before a key is made that could not be kept.
        store.prepare().await?;
        let id = SessionId::random()?;
        let page = LoginPage { url: id.page(service.base()), code: id.code() };
        show(&page);
        if let Some(mut opener) = opener
            && let Err(error) = opener.open(page.url())
        {
            tracing::warn!(%error, "the browser could not be opened: open the page by hand");
        }
        let key = wait(&polls(&service), &service, &id)
            .await
            .map_err(|error| error.with_operation(POLL).with_target(service.base().host_str().unwrap_or_default()))?;
        keep(store, &key).await?;
        let shadowed_by = service.keys().winning()?.map(|key| key.origin.to_string());
        Ok(LoggedIn { place: store.place(), shadowed_by })
    }
}

awaitable! {
    /// Shows the page, polls until somebody has signed in there and allowed it, and keeps the key.
    ///
    /// Polls after 0.5 s, then 0.25 s later each time up to every 2 s, for two minutes of waiting; each poll may take 10 s.
    ///
    /// # Errors
    /// `Io` when no key could be kept, before anything is sent. What ends the login is told by
    /// [`login_fault`](super::LoginErrorExt::login_fault): `Timeout` after two minutes, with the last failure as its
    /// cause; `NotFound` expired, `PermissionDenied` denied, `Conflict` handed out already, `Throttled`; `Connect` at once
    /// where a certificate is not trusted.
    ///
    /// # Cancel safety
    /// Dropping it stops the wait. A key that was made meanwhile is then kept by nobody.
    Login => LoggedIn
}

/// Polling is the retry, and it carries no key.
fn polls(service: &Service) -> Engine {
    let mut clocks = Clocks::default();
    (clocks.first_byte, clocks.idle, clocks.attempt, clocks.deadline) = (ONE_POLL, ONE_POLL, ONE_POLL, ONE_POLL);
    let ground = service.ground();
    ground.engine().retrier(Retrier::never()).clocks(clocks).classify(AnyAnswer).response_cap(64 * 1024).build()
}

async fn wait(engine: &Engine, service: &Service, id: &SessionId) -> Result<SecretString> {
    // The id in the path is a secret: the call is about the login, not about its address.
    let call = Call::new(POLL, Method::GET, id.poll(service.base())).anonymous().about("the login");
    let (mut backoff, mut asked, mut last) = (Backoff::default(), None, None);
    loop {
        let Some(wait) = backoff.next(asked) else {
            let fault = if asked.is_some() { LoginFault::Throttled } else { LoginFault::TimedOut };
            let error = fault.into_error().with_retry_after(asked);
            return Err(match last {
                Some(last) => error.cause(last),
                None => error,
            });
        };
        tokio::time::sleep(wait).await;
        match engine.run(&call).await {
            Ok(reply) => match Polled::read(&reply) {
                Polled::Ready(key) => return Ok(key),
                Polled::Over(fault) => {
                    return Err(fault.into_error().with_status(reply.status).with_request_id(reply.request_id()));
                }
                Polled::Wait { asked: longer, instead } => {
                    asked = longer;
                    last = instead.or(last);
                }
            },
            Err(error) if error.kind() == ErrorKind::Connect && !error.is_transient() => return Err(hopeless(error)),
            Err(error) => {
                asked = None;
                last = Some(error);
            }
        }
    }
}

/// Certificates do not mend themselves within two minutes.
fn hopeless(error: Error) -> Error {
    let known = error.next_step().map(str::to_owned).unwrap_or_default();
    let next = "or set CUBE_API_KEY to a key that you were given";
    let next = if known.is_empty() { next.to_owned() } else { format!("{known}; {next}") };
    error.advice(next).with_fault(LoginFault::Unreachable)
}

async fn keep(store: &Arc<dyn KeyStore>, key: &SecretString) -> Result<()> {
    let refused = |error: Error| error.with_kind(ErrorKind::Decode).with_target("the key of the login");
    let key = trimmed(key).map_err(refused)?;
    bearer(&key).map_err(refused)?;
    store.save(&key).await
}
