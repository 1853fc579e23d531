//! Who may come in, and where to: the seam that every user of the relay fills.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use cube_sdk_core::SecretString;

use super::Route;
use crate::app_name::AppName;
use crate::refusal::Refusal;

/// Whom a key belongs to. Connections are counted per id.
#[derive(Clone)]
pub struct Caller {
    id: Arc<str>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Caller {
    /// A caller. The id names the key and must not be the key itself.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), data: None }
    }

    /// Attaches what the authorizer wants to find again, such as the profile.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, data: T) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// What was attached.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.data.as_deref().and_then(|data| data.downcast_ref())
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Decides who comes in and what they reach. [`authorizer_fn`] makes one of two closures.
///
/// It may take 10 s to look at a key, and the relay's dial limit together with the dialer to look at a CONNECT. A panic
/// costs the one request, the one stream, or, in [`Self::revoked`], the one connection.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Looks at a key before the connection is upgraded. Refuse with [`TunnelCode::BadKey`](crate::refusal::TunnelCode::BadKey)
    /// (401), `Forbidden` (403), `Busy` (429) or `Draining` (503).
    async fn authenticate(&self, key: &SecretString, peer: SocketAddr) -> Result<Caller, Refusal>;

    /// Looks at one CONNECT.
    async fn authorize(&self, caller: &Caller, app: &AppName) -> Result<Route, Refusal>;

    /// Resolves when the caller's key dies: its streams end with `expired` and its connection is closed.
    async fn revoked(&self, _caller: &Caller) {
        std::future::pending().await
    }
}

/// An authorizer of two closures: one looks at keys, the other at what callers ask for. Keys of callers that are inside
/// do not die.
///
/// ```
/// use cube_sdk_teleport::dial::{DirectDialer, Route};
/// use cube_sdk_teleport::tunnel::{Caller, Refusal, Relay, TunnelCode, authorizer_fn};
/// use secrecy::ExposeSecret as _;
///
/// let door = authorizer_fn(
///     |key, _peer| async move {
///         match key.expose_secret() {
///             "k-1" => Ok(Caller::new("first")),
///             _ => Err(Refusal::new(TunnelCode::BadKey, "the key is unknown")),
///         }
///     },
///     |_caller, app| async move { Ok(Route::new(app, "127.0.0.1:5432")) },
/// );
/// let relay = Relay::builder().build(door, DirectDialer::new());
/// # assert_eq!(relay.connections(), 0);
/// ```
pub fn authorizer_fn<K, A, F, G>(authenticate: K, authorize: A) -> impl Authorizer
where
    K: Fn(SecretString, SocketAddr) -> F + Send + Sync + 'static,
    A: Fn(Caller, AppName) -> G + Send + Sync + 'static,
    F: Future<Output = Result<Caller, Refusal>> + Send + 'static,
    G: Future<Output = Result<Route, Refusal>> + Send + 'static,
{
    Closures { authenticate, authorize }
}

struct Closures<K, A> {
    authenticate: K,
    authorize: A,
}

#[async_trait]
impl<K, A, F, G> Authorizer for Closures<K, A>
where
    K: Fn(SecretString, SocketAddr) -> F + Send + Sync + 'static,
    A: Fn(Caller, AppName) -> G + Send + Sync + 'static,
    F: Future<Output = Result<Caller, Refusal>> + Send + 'static,
    G: Future<Output = Result<Route, Refusal>> + Send + 'static,
{
    async fn authenticate(&self, key: &SecretString, peer: SocketAddr) -> Result<Caller, Refusal> {
        (self.authenticate)(key.clone(), peer).await
    }

    async fn authorize(&self, caller: &Caller, app: &AppName) -> Result<Route, Refusal> {
        (self.authorize)(caller.clone(), app.clone()).await
    }
}
