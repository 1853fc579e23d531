//! An answer whose body is read as it arrives.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, StatusCode, header};
use tokio::time::Sleep;

use super::{Call, Clocks};
use crate::error::{Error, ErrorKind, Result, Sent, WhichClock, request_id_of};
use crate::operation::Operation;
use crate::transport::{Answer, Chunks};

/// A good answer and its body: a stream of chunks, in order. Dropping it ends the transfer.
///
/// A body that breaks, falls silent for the call's idle clock or ends before the promised length is one last error,
/// never a short success.
///
/// ```
/// use std::sync::Arc;
///
/// use cube_sdk_core::engine::{Call, Engine};
/// use cube_sdk_core::transport::HttpClient;
/// use cube_sdk_core::{Idempotency, Operation};
/// use futures_util::TryStreamExt;
/// use http::Method;
///
/// const EXPORT: Operation = Operation::new("app", "export", Idempotency::Read);
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200).set_body_bytes(vec![0; 2048]);
/// # let asked = wiremock::matchers::any();
/// # wiremock::Mock::given(asked).respond_with(answer).mount(&server).await;
/// # let url: url::Url = server.uri().parse().unwrap();
/// let engine = Engine::builder(Arc::new(HttpClient::builder().no_proxy().build())).build();
/// let mut opened = engine.open(&Call::new(EXPORT, Method::GET, url)).await?;
/// assert_eq!(opened.content_length(), Some(2048));
/// let mut bytes = 0;
/// while let Some(chunk) = opened.try_next().await? {
///     bytes += chunk.len();
/// }
/// assert_eq!(bytes, 2048);
/// # Ok(())
/// # }
/// ```
#[must_use = "the body moves only when it is read"]
pub struct Opened {
    /// The status, 2xx.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    operation: Operation,
    target: String,
    chunks: Chunks,
    promised: Option<u64>,
    received: u64,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    done: bool,
}

/// Without header values, which may hold secrets.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("operation", &self.operation)
            .field("target", &self.target)
            .field("status", &self.status)
            .field("promised", &self.promised)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Opened {
    pub(super) fn new(call: &Call, clocks: Clocks, answer: Answer) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            operation: call.operation,
            target: call.target(),
            promised: content_length(&head.headers),
            status: head.status,
            headers: head.headers,
            chunks: body.into_stream(),
            received: 0,
            idle: clocks.idle,
            silence: None,
            done: false,
        }
    }

    /// The length that the server promised, in bytes.
    pub const fn content_length(&self) -> Option<u64> {
        self.promised
    }

    /// The server's request id.
    pub fn request_id(&self) -> Option<String> {
        request_id_of(&self.headers)
    }

    /// The whole body, at most `cap` bytes.
    ///
    /// # Errors
    /// `InvalidInput` past the cap; those of the stream.
    pub async fn bytes(mut self, cap: usize) -> Result<Bytes> {
        let limit = u64::try_from(cap).unwrap_or(u64::MAX);
        if self.promised.is_some_and(|length| length > limit) {
            return Err(self.too_long(cap));
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await {
            let chunk = chunk?;
            if whole.len().saturating_add(chunk.len()) > cap {
                return Err(self.too_long(cap));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn too_long(&self, cap: usize) -> Error {
        self.about(Error::new(ErrorKind::InvalidInput, format!("the body is longer than the {cap} bytes allowed")))
            .advice("read it as a stream, or raise the cap")
    }

    fn about(&self, error: Error) -> Error {
        error.with_operation(self.operation).with_target(self.target.clone())
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Bytes>>> {
        self.done = true;
        let error = error.with_request_id(self.request_id()).with_sent(Sent::Yes);
        Poll::Ready(Some(Err(self.about(error))))
    }
}

impl Stream for Opened {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        match this.chunks.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                this.silence = None;
                this.received = this.received.saturating_add(chunk.len() as u64);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => this.fail(error),
            Poll::Ready(None) => match this.promised {
                Some(length) if length != this.received => {
                    let words = format!("the body ended after {} of {length} bytes", this.received);
                    this.fail(Error::new(ErrorKind::Integrity, words))
                }
                _ => {
                    this.done = true;
                    Poll::Ready(None)
                }
            },
            Poll::Pending => {
                let idle = this.idle;
                let silence = this.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                match silence.as_mut().poll(cx) {
                    Poll::Ready(()) => {
                        let words = format!("idle clock: no byte of the body for {:.0} s", idle.as_secs_f64());
                        this.fail(Error::new(ErrorKind::Timeout, words).with_clock(WhichClock::Idle))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
