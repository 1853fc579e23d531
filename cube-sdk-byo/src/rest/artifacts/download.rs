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
///
/// ```
/// use cube_sdk_byo::EdgeGate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// # let server = wiremock::MockServer::start().await;
/// # let answer = wiremock::ResponseTemplate::new(200).set_body_bytes(vec![7; 4096]);
/// # wiremock::Mock::given(wiremock::matchers::path_regex("/download$")).respond_with(answer).mount(&server).await;
/// # let url = server.uri();
/// let edgegate = EdgeGate::builder().base_url(url).api_key("egk_live_example".into()).build()?;
/// let artifacts = edgegate.workspace("0a9d3c52-7d1f-4a0e-8a55-3f1f0c6f2b11").artifacts();
/// let mut download = artifacts.download("7be0f4a2-54f5-4a36-9d0e-0c7e0b9d3c77").await?;
/// let mut bytes = 0;
/// while let Some(chunk) = download.try_next().await? {
///     bytes += chunk.len(); // or download.bytes(cap) for all of it at once
/// }
/// assert_eq!(bytes, 4096);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a download moves no bytes until it is read"]
pub struct Download(Opened);

impl Download {
    /// The length that the server promised, in bytes.
    pub const fn content_length(&self) -> Option<u64> {
        self.0.content_length()
    }

    /// The next bytes; none after the last.
    ///
    /// # Errors
    /// Those of the transfer, `Integrity` where the server promised more.
    pub async fn try_next(&mut self) -> Result<Option<Bytes>> {
        futures_util::StreamExt::next(self).await.transpose()
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
