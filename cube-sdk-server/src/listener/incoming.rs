//! A request's body that must come on.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A request's body did not come on within [`Limits::body`](super::Limits::body): in the sources of the error that
/// reading it gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stalled;

impl Stalled {
    /// Is this the cause of an error?
    ///
    /// ```
    /// use cube_sdk_server::listener::Stalled;
    /// assert!(Stalled::caused(&Stalled));
    /// assert!(!Stalled::caused(&std::fmt::Error));
    /// ```
    pub fn caused(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body did not come on")
    }
}

impl std::error::Error for Stalled {}

/// Counts the time in which the peer is waited for; the handler's own pauses are free.
#[derive(Debug)]
pub(super) struct Paced {
    body: Incoming,
    limit: Duration,
    least: u64,
    /// Came since the count began anew.
    came: u64,
    /// Waited before the wait that lasts.
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Paced {
    pub(super) fn new(body: Incoming, limit: Duration, least: u64) -> Self {
        Self { body, limit, least, came: 0, waited: Duration::ZERO, waiting: None }
    }

    fn came(&mut self, frame: &Frame<Bytes>) {
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        self.came += frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.came >= self.least {
            (self.came, self.waited) = (0, Duration::ZERO);
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.came(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => Poll::Ready(end.map(|frame| frame.map_err(Fault::from))),
            Poll::Pending => {
                let left = this.limit.saturating_sub(this.waited);
                let (_, clock) =
                    this.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
                clock.as_mut().poll(cx).map(|()| Some(Err(Stalled.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
