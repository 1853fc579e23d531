//! A request body that is too long for memory: read anew for each attempt, while it goes out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::Notify;

use super::Chunks;
use crate::error::Result;

/// A body of a known length that can be read from its start as often as a call is repeated. Cheap to clone.
///
/// It travels in the [extensions](http::Request::extensions) of a request whose own body is empty: a
/// [`Transport`](super::Transport) sends it in place of that body, with its length as `Content-Length`. Middlewares see
/// the request without it.
///
/// ```
/// use bytes::Bytes;
/// use cube_sdk_core::transport::Upload;
/// let twice = Upload::new(4, || Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(b"data"))])));
/// assert_eq!(twice.length(), 4);
/// ```
#[derive(Clone)]
pub struct Upload {
    length: u64,
    open: Arc<dyn Fn() -> Chunks + Send + Sync>,
    moved: Arc<Notify>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Upload {
    /// A body of `length` bytes; `open` gives its chunks from the start, each time anew. An error among the chunks ends the
    /// attempt, and so do more or fewer bytes than `length`.
    pub fn new(length: u64, open: impl Fn() -> Chunks + Send + Sync + 'static) -> Self {
        Self { length, open: Arc::new(open), moved: Arc::default() }
    }

    /// Bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The chunks from the start: for transports.
    pub fn chunks(&self) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        Moving { chunks: (self.open)(), moved: Arc::clone(&self.moved) }
    }

    /// Resolves when a chunk has gone out since it was asked last.
    pub(crate) async fn moved(&self) {
        self.moved.notified().await;
    }

    /// For one attempt: what an earlier one moved is not counted.
    pub(crate) fn anew(&self) -> Self {
        Self { moved: Arc::default(), ..self.clone() }
    }
}

/// Chunks that tell when one is taken.
struct Moving {
    chunks: Chunks,
    moved: Arc<Notify>,
}

impl Stream for Moving {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.chunks.as_mut().poll_next(cx);
        if next.is_ready() {
            self.moved.notify_one();
        }
        next
    }
}
