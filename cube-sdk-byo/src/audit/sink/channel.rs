//! Rows handed to another part of the program.

use std::pin::Pin;
use std::task::{Context, Poll};

use cube_sdk_core::{Error, ErrorKind, Result};
use futures_core::Stream;
use tokio::sync::mpsc;

use super::AuditSink;
use crate::audit::entry::AuditEntry;

/// Sends rows through a bounded channel: a slow receiver slows the calls down, a dropped one fails them.
#[derive(Debug)]
pub struct ChannelSink(mpsc::Sender<AuditEntry>);

/// The receiving end of a [`ChannelSink`].
///
/// ```
/// use cube_sdk_byo::audit::{AuditEntry, AuditEvent, AuditOutcome, ChannelSink, Recorder};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cube_sdk_core::Result<()> {
/// let (sink, mut rows) = ChannelSink::new(64);
/// let recorder = Recorder::new(sink); // give it to Storage::builder().audit(…)
/// recorder.note(AuditEntry::new(AuditEvent::HeadObject, "acme-models", AuditOutcome::Success));
/// let row = rows.recv().await.unwrap();
/// assert_eq!(row.bucket, "acme-models");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AuditReceiver(mpsc::Receiver<AuditEntry>);

impl ChannelSink {
    /// A channel that holds at most `capacity` rows (at least 1), and its receiving end.
    pub fn new(capacity: usize) -> (Self, AuditReceiver) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self(sender), AuditReceiver(receiver))
    }
}

#[async_trait::async_trait]
impl AuditSink for ChannelSink {
    async fn commit(&self, batch: &[AuditEntry]) -> Result<()> {
        for entry in batch {
            let sent = self.0.send(entry.clone()).await;
            sent.map_err(|_| Error::new(ErrorKind::Closed, "the receiver of the audit channel is gone"))?;
        }
        Ok(())
    }
}

impl AuditReceiver {
    /// The next row; none once every sender is gone.
    ///
    /// # Cancel safety
    /// Dropping the future loses no row.
    pub async fn recv(&mut self) -> Option<AuditEntry> {
        self.0.recv().await
    }
}

impl Stream for AuditReceiver {
    type Item = AuditEntry;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<AuditEntry>> {
        self.0.poll_recv(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::{AuditEvent, AuditOutcome, Recorder};

    #[tokio::test]
    async fn rows_arrive_and_a_gone_receiver_is_an_error() {
        let (sink, mut receiver) = ChannelSink::new(4);
        let recorder = Recorder::new(sink);
        let row = AuditEntry::new(AuditEvent::HeadObject, "abc", AuditOutcome::Success);
        recorder.record(row.clone()).await.unwrap();
        assert_eq!(receiver.recv().await, Some(row.clone()));
        drop(receiver);
        assert_eq!(recorder.record(row).await.unwrap_err().kind(), ErrorKind::Closed);
    }
}
