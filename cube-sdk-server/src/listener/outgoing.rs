//! An answer's body, watched for whether the peer takes it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body as Answer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::held::Held;

/// The largest piece that is handed on at once: over HTTP/2 a piece that is asked for is the only sign of progress.
const PIECE: usize = 64 << 10;

/// A request under way, until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    held: Arc<Held>,
    number: u64,
}

impl UnderWay {
    pub(super) fn begin(held: Arc<Held>, multiplexed: bool) -> Self {
        let number = held.began(multiplexed);
        Self { held, number }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.held.done(self.number);
    }
}

#[derive(Debug)]
pub(super) struct Taken {
    body: Answer,
    /// What is left of a piece that was too large.
    rest: Bytes,
    under_way: UnderWay,
}

impl Taken {
    pub(super) fn new(body: Answer, under_way: UnderWay) -> Self {
        // The head is there to be taken.
        under_way.held.handed(under_way.number);
        Self { body, rest: Bytes::new(), under_way }
    }

    fn first_of(&mut self, mut data: Bytes) -> Frame<Bytes> {
        let piece = data.split_to(data.len().min(PIECE));
        self.rest = data;
        Frame::data(piece)
    }
}

impl Body for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let (held, number) = (this.under_way.held.clone(), this.under_way.number);
        if !this.rest.is_empty() {
            held.handed(number);
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.first_of(rest))));
        }
        // Whoever asks has taken what there was; how long the service thinks is its own affair.
        held.taken(number);
        let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) else { return Poll::Ready(None) };
        held.handed(number);
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(data) => this.first_of(data),
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}
