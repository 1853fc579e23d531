//! The body of an answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::super::s3::ObjectBody;

/// The body of an answer.
pub(crate) enum Reply {
    /// A short text, or nothing once taken.
    Text(Option<Bytes>),
    /// What s3s wrote.
    S3(s3s::Body),
    /// Object bytes.
    Object(Box<ObjectBody>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::S3(body) => Pin::new(body).poll_frame(cx),
            Self::Object(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Self::S3(body) => body.is_end_stream(),
            Self::Object(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::S3(body) => body.size_hint(),
            Self::Object(body) => body.size_hint(),
        }
    }
}
