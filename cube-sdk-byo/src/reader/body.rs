//! The body of an answer, chunk by chunk, and the clock between two chunks.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_types::byte_stream::{ByteStream, error::Error as BodyError};
use bytes::Bytes;
use cube_sdk_core::clock::later;
use tokio::time::{Instant, Sleep};

/// A chunk, the end, or what broke the body; `Err` when the clock between two chunks ran out.
pub(crate) type BodyItem = Result<Option<Result<Bytes, BodyError>>, ()>;

/// The clock between two chunks. Set only while waiting, so that a busy body costs no timer.
#[derive(Default)]
pub(crate) struct Idle(Option<Pin<Box<Sleep>>>);

impl Idle {
    /// The next chunk, or `Err` when the clock ran out.
    pub(crate) async fn next(&mut self, body: &mut ByteStream, limit: Duration) -> BodyItem {
        let mut waiting = false;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(item) = Pin::new(&mut *body).poll_next(cx) {
                return Poll::Ready(Ok(item));
            }
            let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            if !std::mem::replace(&mut waiting, true) {
                sleep.as_mut().reset(later(Instant::now(), limit));
            }
            sleep.as_mut().poll(cx).map(|()| Err(()))
        })
        .await
    }
}
