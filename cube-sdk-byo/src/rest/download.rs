//! Downloading an artifact: chunks as they arrive, after one redirect at most.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cube_sdk_core::config::parse_base_url;
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::error::{Sent, request_id_of};
use cube_sdk_core::redact::SafeUrl;
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::transport::{Answer, Body, Chunks};
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_core::Stream;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::Sleep;
use url::Url;

use super::operations::DOWNLOAD_ARTIFACT;
use super::refusal::error_of;
use super::{ArtifactId, WorkspaceScope};
use crate::client::EdgeGate;

/// The longest refusal that is read.
const REFUSAL_CAP: usize = 64 * 1024;

/// The bytes of an artifact: a stream of chunks, in order. Dropping it ends the transfer.
///
/// A body that breaks, falls silent for the client's idle clock or ends before the promised length is an
/// error, never a short success.
#[must_use = "a download moves no bytes until it is read"]
pub struct Download {
    chunks: Chunks,
    promised: Option<u64>,
    received: u64,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    target: String,
    done: bool,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("target", &self.target)
            .field("promised", &self.promised)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// The length that the server promised, in bytes.
    pub const fn content_length(&self) -> Option<u64> {
        self.promised
    }

    /// The whole artifact, at most `cap` bytes.
    ///
    /// # Errors
    /// `InvalidInput` past the cap; those of the stream.
    pub async fn bytes(mut self, cap: usize) -> Result<Bytes> {
        let too_long = || {
            Error::new(ErrorKind::InvalidInput, format!("the artifact is longer than the {cap} bytes allowed"))
                .with_operation(DOWNLOAD_ARTIFACT)
                .advice("read it as a stream, or raise the cap")
        };
        if self.promised.is_some_and(|length| length > cap as u64) {
            return Err(too_long());
        }
        let mut whole = bytes::BytesMut::new();
        while let Some(chunk) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_next(cx)).await {
            let chunk = chunk?;
            if whole.len().saturating_add(chunk.len()) > cap {
                return Err(too_long());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Bytes>>> {
        self.done = true;
        let error = error.with_operation(DOWNLOAD_ARTIFACT).with_target(self.target.clone());
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        match this.chunks.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                this.silence = None;
                this.received += chunk.len() as u64;
                Poll::Ready(Some(Ok(chunk)))
            }
            // The body is asked for unencoded: what cannot be decoded is a body that was cut off.
            Poll::Ready(Some(Err(error))) if error.kind() == ErrorKind::Decode => {
                this.fail(error.with_kind(ErrorKind::Transport))
            }
            Poll::Ready(Some(Err(error))) => this.fail(error),
            Poll::Ready(None) => match this.promised {
                Some(length) if length != this.received => {
                    let words = format!("the body ended after {} of {length} bytes", this.received);
                    this.fail(Error::new(ErrorKind::Integrity, words).with_sent(Sent::Yes))
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
                        this.fail(Error::new(ErrorKind::Timeout, words).with_code("idle"))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

/// Sends the request, with repeats, until the head of a good answer is in.
pub(crate) async fn start(workspace: &WorkspaceScope, id: ArtifactId) -> Result<Download> {
    let edgegate = workspace.edgegate();
    let url =
        edgegate.url(&["v1", "workspaces", &workspace.id().to_string(), "artifacts", &id.to_string(), "download"]);
    let clocks = edgegate.clocks();
    let target = SafeUrl(&url).to_string();
    let answer = edgegate
        .retrier()
        .run(DOWNLOAD_ARTIFACT, Deadline::after(clocks.deadline), |_| attempt(edgegate, &url, clocks))
        .await
        .map_err(|error| if error.target().is_none() { error.with_target(target.clone()) } else { error })?;
    let (head, body) = answer.into_parts();
    Ok(Download {
        chunks: body.into_stream(),
        promised: content_length(&head.headers),
        received: 0,
        idle: clocks.idle,
        silence: None,
        target,
        done: false,
    })
}

async fn attempt(edgegate: &EdgeGate, url: &Url, clocks: Clocks) -> Result<Answer> {
    let grant = edgegate.credentials().grant().await?;
    let mut request = request(url)?;
    request.headers_mut().insert(header::AUTHORIZATION, grant.authorization);
    let answer = head(edgegate, request, clocks).await?;
    if !answer.status().is_redirection() {
        return accept(answer, clocks).await;
    }
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|text| url.join(text).ok()).filter(|to| allowed(url, to)).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "the redirect leads nowhere that may be followed")
            .with_status(answer.status())
            .with_request_id(request_id_of(answer.headers()))
    })?;
    // A presigned URL carries its own proof; the key is for EdgeGate alone.
    let answer = head(edgegate, self::request(&location)?, clocks).await?;
    accept(answer, clocks).await
}

/// http and https only, and never from https down to http.
fn allowed(from: &Url, to: &Url) -> bool {
    let mut bare = to.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    parse_base_url(bare.as_str()).is_ok() && (from.scheme() == to.scheme() || to.scheme() == "https")
}

fn request(url: &Url) -> Result<http::Request<Bytes>> {
    http::Request::builder()
        .method(Method::GET)
        .uri(url.as_str())
        .header(header::USER_AGENT, EdgeGate::user_agent())
        // A compressed body would arrive with another length than the one promised.
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Bytes::new())
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, "the URL cannot be asked").cause(cause))
}

async fn head(edgegate: &EdgeGate, request: http::Request<Bytes>, clocks: Clocks) -> Result<Answer> {
    tokio::time::timeout(clocks.first_byte, edgegate.transport().send(request)).await.unwrap_or_else(|_| {
        let words = format!("first-byte clock: no end within {:.0} s", clocks.first_byte.as_secs_f64());
        Err(Error::new(ErrorKind::Timeout, words).with_code("first-byte").with_sent(Sent::Unknown))
    })
}

async fn accept(answer: Answer, clocks: Clocks) -> Result<Answer> {
    if answer.status() == StatusCode::OK {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let body = refusal_body(body, clocks).await;
    Err(error_of(DOWNLOAD_ARTIFACT, head.status, &head.headers, &body))
}

/// What the refusal says; nothing when it cannot be read: the status tells enough.
async fn refusal_body(body: Body, clocks: Clocks) -> Bytes {
    body.collect(REFUSAL_CAP, clocks.idle).await.unwrap_or_default()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
