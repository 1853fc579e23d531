//! Who may come in, and where to: the seam that every user of the relay fills.

use std::any::Any;
use std::fmt;
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

/// Decides who comes in and what they reach.
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
