//! Downloading an artifact: chunks as they arrive, after one redirect at most.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cube_sdk_core::Result;
use cube_sdk_core::engine::Opened;
use futures_core::Stream;
use http::{HeaderValue, Method, header};

use crate::ids::ArtifactId;
use crate::rest::api::InWorkspace;
use crate::rest::operations::DOWNLOAD_ARTIFACT;

/// The bytes of an artifact: a stream of chunks, in order. Dropping it ends the transfer.
///
/// A body that breaks, falls silent for the client's idle clock or ends before the promised length is an
/// error, never a short success.
#[derive(Debug)]
#[must_use = "a download moves no bytes until it is read"]
pub struct Download(Opened);

impl Download {
    /// The length that the server promised, in bytes.
    pub const fn content_length(&self) -> Option<u64> {
        self.0.content_length()
    }

    /// The whole artifact, at most `cap` bytes.
    ///
    /// # Errors
    /// `InvalidInput` past the cap; those of the stream.
    pub async fn bytes(self, cap: usize) -> Result<Bytes> {
        self.0.bytes(cap).await
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// Sends the request, with repeats, until the head of a good answer is in.
pub(crate) async fn start(workspace: &InWorkspace, id: ArtifactId) -> Result<Download> {
    let call = workspace
        .call(DOWNLOAD_ARTIFACT, Method::GET, &["artifacts", &id.to_string(), "download"])?
        // A compressed body would arrive with another length than the one promised.
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .follow_redirect();
    Ok(Download(workspace.open(&call).await?))
}
