//! The body of an answer, as it arrives.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::{Error, ErrorKind, Result, WhichClock};

/// A stream of a body's chunks.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A body that is read once, chunk by chunk or whole.
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use cube_sdk_core::ErrorKind;
/// use cube_sdk_core::transport::Body;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let idle = Duration::from_secs(20);
/// let body = || Body::from(Bytes::from_static(b"model"));
/// assert_eq!(body().collect(5, idle).await?, "model");
/// assert_eq!(body().collect(4, idle).await.unwrap_err().kind(), ErrorKind::Protocol);
/// # Ok(())
/// # }
/// ```
pub struct Body(Chunks);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Box::pin(futures_util::stream::iter([Ok(bytes)])))
    }
}

impl Body {
    /// From chunks.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(chunks))
    }

    /// The chunks, without any limit.
    pub fn into_stream(self) -> Chunks {
        self.0
    }

    /// The whole body, at most `cap` bytes, each chunk within `idle`.
    ///
    /// # Errors
    /// `Protocol` past the cap; `Timeout` when no byte came for `idle`; the transport's own.
    pub async fn collect(mut self, cap: usize, idle: Duration) -> Result<Bytes> {
        let mut whole: Option<Bytes> = None;
        let mut joined = BytesMut::new();
        loop {
            let Ok(next) = tokio::time::timeout(idle, self.0.next()).await else {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("idle clock: no byte of the body for {:.0} s", idle.as_secs_f64()),
                )
                .with_clock(WhichClock::Idle));
            };
            let Some(chunk) = next.transpose()? else { break };
            let have = whole.as_ref().map_or(joined.len(), Bytes::len);
            if have.saturating_add(chunk.len()) > cap {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    format!("the body is longer than the {cap} bytes allowed"),
                )
                .advice("raise the response cap if such a reply is expected"));
            }
            match (whole.take(), joined.is_empty()) {
                (None, true) => whole = Some(chunk),
                (first, _) => {
                    joined.extend_from_slice(&first.unwrap_or_default());
                    joined.extend_from_slice(&chunk);
                }
            }
        }
        Ok(whole.unwrap_or_else(|| joined.freeze()))
    }
}
