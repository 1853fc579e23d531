//! What a relay asks for when it wants a connection to an app.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::app_name::AppName;
use crate::ground::Duplex;
use crate::refusal::Refusal;

/// Where an authorised CONNECT goes.
#[derive(Clone)]
pub struct Route {
    app: AppName,
    target: String,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Route {
    /// A route to `target`, in the terms of the dialer: an address, the name of an app of a cluster.
    pub fn new(app: AppName, target: impl Into<String>) -> Self {
        Self { app, target: target.into(), data: None }
    }

    /// Attaches what the dialer needs beyond the target.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, data: T) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    /// The app.
    pub fn app(&self) -> &AppName {
        &self.app
    }

    /// The target.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What was attached.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.data.as_deref().and_then(|data| data.downcast_ref())
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("app", &self.app).field("target", &self.target).finish_non_exhaustive()
    }
}

/// A connection to an app.
pub struct Upstream(pub(crate) Channel);

/// Reads a refusal out of a failed read or write; none for an ordinary failure.
pub(crate) type Explain = fn(&std::io::Error) -> Option<Refusal>;

pub(crate) enum Channel {
    Tcp(TcpStream),
    Io { io: Box<dyn Duplex>, half_close: bool, explain: Explain },
}

impl Upstream {
    /// A TCP connection: the fast path.
    pub fn tcp(stream: TcpStream) -> Self {
        Self(Channel::Tcp(stream))
    }

    /// Any connection. `half_close` tells whether shutting down its write side leaves the read side open; when it
    /// does not, a stream that ended in one direction ends in the other after 30 s without a byte.
    pub fn io(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, half_close: bool) -> Self {
        Self(Channel::Io { io: Box::new(io), half_close, explain: |_| None })
    }

    /// Reads refusals out of the stream's errors: what stands before an app may refuse only after the dial, and only
    /// that says why.
    #[must_use]
    pub fn explained(mut self, by: fn(&std::io::Error) -> Option<Refusal>) -> Self {
        if let Channel::Io { explain, .. } = &mut self.0 {
            *explain = by;
        }
        self
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Channel::Tcp(_) => f.write_str("Upstream::tcp"),
            Channel::Io { half_close, .. } => write!(f, "Upstream::io(half_close: {half_close})"),
        }
    }
}

/// Opens connections to apps.
#[async_trait]
pub trait Dialer: Send + Sync + 'static {
    /// Connects. After `deadline` the relay has stopped waiting and dropped the future.
    ///
    /// # Cancel safety
    /// Must be safe to drop at any point.
    async fn dial(&self, route: &Route, deadline: Instant) -> Result<Upstream, Refusal>;
}
