//! The body of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::super::request_log::Tally;
use super::super::s3::ObjectBody;

/// The body of an answer, counted as it is handed on.
pub(crate) struct Reply {
    pub(super) content: Content,
    tally: Arc<Tally>,
}

/// What a body is made of.
pub(crate) enum Content {
    /// A short text, or nothing once taken.
    Text(Option<Bytes>),
    /// What s3s wrote.
    S3(s3s::Body),
    /// Object bytes.
    Object(Box<ObjectBody>),
}

impl Reply {
    pub(super) fn new(content: Content, tally: &Arc<Tally>) -> Self {
        Self { content, tally: tally.clone() }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = match &mut this.content {
            Content::Text(text) => text.take().map(|text| Ok(Frame::data(text))),
            Content::S3(body) => ready!(Pin::new(body).poll_frame(cx)),
            Content::Object(body) => ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map_err(Into::into)),
        };
        if let Some(Ok(frame)) = &frame {
            this.tally.add_bytes(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        if frame.is_none() || this.is_end_stream() {
            this.tally.all_given();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Content::S3(body) => body.is_end_stream(),
            Content::Object(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Content::S3(body) => body.size_hint(),
            Content::Object(body) => body.size_hint(),
        }
    }
}
