//! The reader that callers hold.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use cube_sdk_core::{Error, Result, WhichClock};
use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::JoinHandle;

use super::checksum::Hashing;
use super::ordered::Ordered;
use super::pin;
use super::progress::ReaderStats;
use super::source::Source;
use crate::digest::Sha256;
use crate::stored_checksum::StoredChecksum;

/// The bytes of an object, in order: a `Stream` of chunks and an `AsyncRead`. Both may be used in turn.
///
/// The bytes end with `None` (or a read of 0) only after the last one, and only if the digest is the expected
/// one; anything else ends with an error. Dropping the reader ends its tasks.
///
/// ```
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
/// # let card = world.card();
/// # let storage = cube_sdk_byo::Storage::builder()
/// #     .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
/// #     .endpoint_url(card.endpoint_url.parse()?)
/// #     .build()?;
/// # let session = storage.own_session(&card.bucket, &card.region)?;
/// # let uri = format!("s3://{}/{}", card.bucket, card.object_key);
/// // `session` is a `Session` of the storage; the read needs 1 MiB of memory, however long the object is.
/// let mut model = session.open(uri).expect_sha256(&card.object_sha256).budget(1 << 20).await?;
/// let mut bytes = 0;
/// while let Some(chunk) = model.try_next().await? {
///     bytes += chunk.len() as u64;
/// }
/// assert_eq!(bytes, model.size()); // and the digest was the expected one
/// model.shutdown(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
pub struct ObjectReader {
    pub(crate) source: Arc<Source>,
    /// None when the object or range is empty, or the reader was shut down.
    pub(crate) chunks: Option<Ordered>,
    pub(crate) hashing: Option<Hashing>,
    /// The last chunk, until the digest of everything is known.
    pub(crate) held: Option<Bytes>,
    pub(crate) current: Bytes,
    pub(crate) sha256: Arc<OnceLock<Sha256>>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) failed: bool,
}

/// A task that ends with its owner.
pub(crate) struct Task(pub(crate) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ObjectReader {
    /// Bytes of the whole object.
    pub fn size(&self) -> u64 {
        self.source.size.get().copied().unwrap_or_default()
    }

    /// The object's ETag, quotes included, that all bytes are of. Not a digest of the content.
    pub fn etag(&self) -> &str {
        self.source.pin.get().map_or("", pin::Pin::as_str)
    }

    /// The digest of the delivered bytes: known once the last chunk is there, if one was asked for.
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256.get().copied()
    }

    /// The checksum that S3 stores, if it was to be verified: no read that delivered every byte has another one.
    pub fn stored_checksum(&self) -> Option<&StoredChecksum> {
        self.source.checksum.as_ref()
    }

    /// Live figures.
    pub fn stats(&self) -> ReaderStats {
        self.source.stats()
    }

    /// Bytes reserved for parts in flight, or waiting for the caller: never above the budget.
    pub fn accounted(&self) -> u64 {
        self.source.budget.used()
    }

    /// The next bytes, in order; none when every byte has been handed on. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those of the read: a failure is told once, and nothing comes after it.
    pub async fn try_next(&mut self) -> Result<Option<Bytes>> {
        futures_util::StreamExt::next(self).await.transpose()
    }

    /// Ends the reader's tasks, waits for their end and writes the audit rows of calls that were given up.
    ///
    /// # Errors
    /// `Timeout` when the tasks did not end within `grace`, or the audit sink's error.
    pub async fn shutdown(mut self, grace: Duration) -> Result<ReaderStats> {
        let stats = self.stats();
        let mut tasks = std::mem::take(&mut self.tasks);
        for task in &tasks {
            task.0.abort();
        }
        let recorder = self.source.session.audit.recorder.clone();
        self.chunks = None;
        let ended = async {
            for task in &mut tasks {
                let _ = (&mut task.0).await;
            }
            match recorder {
                Some(recorder) => recorder.flush().await,
                None => Ok(()),
            }
        };
        match tokio::time::timeout(grace, ended).await {
            Ok(outcome) => outcome.map(|()| stats),
            Err(_) => Err(Error::new(cube_sdk_core::ErrorKind::Timeout, "the reader's tasks did not end in time")
                .with_clock(WhichClock::Waiter)),
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        let next = if self.held.is_none() { ready!(self.poll_next_in_order(cx)) } else { None };
        // Whoever got every byte got the right ones.
        let item = if self.held.is_some() { Some(ready!(self.poll_held(cx))) } else { next };
        self.failed = matches!(item, Some(Err(_)));
        Poll::Ready(item)
    }

    /// The next chunk, or none when the last one is now held.
    fn poll_next_in_order(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(chunks) = &mut self.chunks else { return Poll::Ready(None) };
        let Poll::Ready(item) = chunks.poll_next(cx) else {
            self.source.counters.waits.fetch_add(1, Ordering::Relaxed);
            self.source.counters.waiting.store(true, Ordering::Relaxed);
            return Poll::Pending;
        };
        self.source.counters.waiting.store(false, Ordering::Relaxed);
        if let (Some(hashing), Some(Ok(chunk))) = (&mut self.hashing, &item) {
            let last = chunks.is_at_end();
            hashing.put(chunk.clone(), last);
            if last {
                self.held = Some(chunk.clone());
                return Poll::Ready(None);
            }
        }
        Poll::Ready(item)
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        let verdict = match &mut self.hashing {
            Some(hashing) => ready!(hashing.poll_verdict(cx)),
            None => Ok(()),
        };
        let held = self.held.take().unwrap_or_default();
        Poll::Ready(verdict.map(|()| held))
    }
}

impl Stream for ObjectReader {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let rest = std::mem::take(&mut self.current);
        let item = if rest.is_empty() { ready!(self.poll_chunk(cx)) } else { Some(Ok(rest)) };
        if let Some(Ok(chunk)) = &item {
            self.source.taken(chunk.len() as u64);
        }
        Poll::Ready(item)
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.current.is_empty() {
            match ready!(self.poll_chunk(cx)) {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.current.len().min(buf.remaining());
        buf.put_slice(&self.current[..length]);
        self.current.advance(length);
        self.source.taken(length as u64);
        Poll::Ready(Ok(()))
    }
}

/// An I/O error whose source is ours: `error.get_ref()` gives it back.
pub(crate) fn into_io(error: Error) -> io::Error {
    use cube_sdk_core::ErrorKind as Kind;
    let kind = match error.kind() {
        Kind::NotFound => io::ErrorKind::NotFound,
        Kind::PermissionDenied | Kind::Unauthenticated => io::ErrorKind::PermissionDenied,
        Kind::Timeout => io::ErrorKind::TimedOut,
        Kind::Integrity | Kind::Decode => io::ErrorKind::InvalidData,
        Kind::InvalidInput => io::ErrorKind::InvalidInput,
        Kind::Connect | Kind::Transport => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("uri", &self.source.uri)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
