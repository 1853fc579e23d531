//! A place to stand around each attempt: to add headers, to count, to log.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Answer, Transport};
use crate::error::Result;
use crate::retry::Attempt;

/// Stands around each attempt, after credentials were added and before the transport.
///
/// The `Authorization` header is marked sensitive; a middleware must not log it.
#[async_trait]
pub trait Middleware: fmt::Debug + Send + Sync + 'static {
    /// Handles one attempt; calls `next.run(request)` to go on.
    ///
    /// # Errors
    /// Those of `next`, or its own.
    async fn handle(&self, attempt: Attempt, request: http::Request<Bytes>, next: Next<'_>) -> Result<Answer>;
}

/// The rest of the way to the network.
///
/// ```
/// use std::sync::Arc;
///
/// use async_trait::async_trait;
/// use bytes::Bytes;
/// use cube_sdk_core::engine::{Call, Engine};
/// use cube_sdk_core::transport::{Answer, Attempt, HttpClient, Middleware, Next};
/// use cube_sdk_core::{Idempotency, Operation, Result};
/// use http::{HeaderValue, Method};
///
/// #[derive(Debug)]
/// struct Tenant(HeaderValue);
///
/// #[async_trait]
/// impl Middleware for Tenant {
///     async fn handle(&self, attempt: Attempt, mut request: http::Request<Bytes>, next: Next<'_>) -> Result<Answer> {
///         request.headers_mut().insert("x-tenant", self.0.clone());
///         next.run(attempt, request).await
///     }
/// }
///
/// const STATUS: Operation = Operation::new("app", "status", Idempotency::Read);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200);
/// # let asked = wiremock::matchers::header("x-tenant", "7");
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let engine = Engine::builder(Arc::new(HttpClient::builder().no_proxy().build()))
///     .middleware(Arc::new(Tenant(HeaderValue::from_static("7"))))
///     .build();
/// let reply = engine.run(&Call::new(STATUS, Method::GET, url)).await?; // the server knows tenant 7 alone
/// assert_eq!(reply.status, 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Middleware>],
    transport: &'a dyn Transport,
}

impl<'a> Next<'a> {
    /// All middlewares, outermost first, and the transport behind them: for domains that send by themselves.
    pub fn new(rest: &'a [Arc<dyn Middleware>], transport: &'a dyn Transport) -> Self {
        Self { rest, transport }
    }

    /// Sends the request through the remaining middlewares and the transport.
    ///
    /// # Errors
    /// Those of the remaining layers.
    pub async fn run(self, attempt: Attempt, request: http::Request<Bytes>) -> Result<Answer> {
        match self.rest.split_first() {
            Some((first, rest)) => first.handle(attempt, request, Self { rest, transport: self.transport }).await,
            None => self.transport.send(request).await,
        }
    }
}
