//! The seam to the network: one request in, one answer with a streaming body out.

mod body;
mod failure;
mod http_client;
mod middleware;
mod proxy;
mod tls;
mod trace_context;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use crate::retry::Attempt;
pub use body::{Body, Chunks};
pub use failure::never_connected;
pub use http_client::{HttpClient, HttpClientBuilder};
pub use middleware::{Middleware, Next};
pub use proxy::{Proxies, ProxySetting, Via};
pub use tls::{RootCertificates, cryptography};
pub use trace_context::TraceContext;
pub use upload::Upload;

use crate::error::Result;

/// An answer whose body has not been read yet.
pub type Answer = http::Response<Body>;

/// Sends one request and returns once the head of the answer is in.
///
/// Implementations neither repeat nor redirect: the engine decides that. An error tells by its kind
/// whether anything was sent ([`ErrorKind::Connect`](crate::ErrorKind::Connect) or
/// [`ErrorKind::Transport`](crate::ErrorKind::Transport)).
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`. Where its extensions hold an [`Upload`], that is its body.
    ///
    /// # Errors
    /// `Connect`, `Transport`, `Timeout` or `Config`.
    async fn send(&self, request: http::Request<Bytes>) -> Result<Answer>;
}

/// A transport that is shared.
pub type SharedTransport = Arc<dyn Transport>;
