//! Event channels as streams.

use std::pin::Pin;

use futures_core::Stream;
use tokio::sync::broadcast::{self, error::RecvError};

/// The events of a channel; `missed` stands for those that a slow listener did not get.
pub(crate) fn events<T: Clone + Send + 'static>(
    receiver: broadcast::Receiver<T>,
    missed: fn(u64) -> T,
) -> Pin<Box<dyn Stream<Item = T> + Send>> {
    Box::pin(futures_util::stream::unfold(receiver, move |mut receiver| async move {
        match receiver.recv().await {
            Ok(event) => Some((event, receiver)),
            Err(RecvError::Lagged(count)) => Some((missed(count), receiver)),
            Err(RecvError::Closed) => None,
        }
    }))
}
