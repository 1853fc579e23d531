//! What every request carries, whoever makes it: user agent and trace context.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header};

use crate::error::Result;
use crate::transport::{Answer, SharedTransport, TraceContext, Transport};

/// Adds both to what goes out by another transport. A request's own user agent stays.
#[derive(Debug)]
pub(super) struct Outgoing {
    inner: SharedTransport,
    user_agent: HeaderValue,
    trace_context: Option<Arc<dyn TraceContext>>,
}

impl Outgoing {
    pub(super) fn new(
        inner: SharedTransport,
        user_agent: HeaderValue,
        trace_context: Option<Arc<dyn TraceContext>>,
    ) -> Self {
        Self { inner, user_agent, trace_context }
    }
}

#[async_trait]
impl Transport for Outgoing {
    async fn send(&self, mut request: http::Request<Bytes>) -> Result<Answer> {
        let headers = request.headers_mut();
        headers.entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        if let Some(context) = &self.trace_context {
            context.inject(headers);
        }
        self.inner.send(request).await
    }
}
