//! A seekable view: blocks of the object, fetched where the caller looks.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use cube_sdk_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use super::object::into_io;
use super::open::OpenObject;
use super::part::part;
use super::pin;
use super::plan::part_size;
use super::progress::ReaderStats;
use super::source::{Answer, Got, Source};
use super::start::{FIRST_PART, fetch_first};

/// Bytes fetched at once: headers of models are small, and jumps are far.
const BLOCK: u64 = 256 * 1024;

/// Blocks kept: a header, an index and where the caller reads now.
const KEPT: usize = 4;

type Fetching = Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>;

/// An object as a file that is read here and there: `AsyncRead` and `AsyncSeek`. Every block is of the
/// version that was opened; an overwritten object is an error of kind `Integrity`.
pub struct SeekableObject {
    source: Arc<Source>,
    size: u64,
    at: u64,
    blocks: VecDeque<(Range<u64>, Bytes)>,
    fetching: Option<(Range<u64>, Fetching)>,
}

impl OpenObject {
    /// A view for model headers: reads small ranges where the caller seeks, pinned to one version.
    ///
    /// # Errors
    /// As [`OpenObject::into_future`].
    pub async fn seekable(mut self) -> Result<SeekableObject> {
        if self.range.is_some() || self.sha256.is_some() || self.verify_stored {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a seekable view takes neither a range nor a digest or checksum",
            ));
        }
        let source = self.source()?;
        let first = 0..FIRST_PART.min(part_size(None, self.room(), 1));
        let got = fetch_first(&source, &first).await?;
        let size = self.check_size(&source, &got).await?;
        SeekableObject::start(source, size, got).await
    }
}

impl SeekableObject {
    async fn start(source: Arc<Source>, size: u64, got: Got) -> Result<Self> {
        let mut blocks = VecDeque::new();
        if let Got::Bytes(answer) = got {
            let range = answer.range.clone();
            blocks.push_back((range.clone(), block(Arc::clone(&source), range, Some(answer)).await?));
        }
        Ok(Self { source, size, at: 0, blocks, fetching: None })
    }

    /// Bytes of the object.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The object's ETag, quotes included.
    pub fn etag(&self) -> &str {
        self.source.pin.get().map_or("", pin::Pin::as_str)
    }

    /// Live figures: requests made and bytes received.
    pub fn stats(&self) -> ReaderStats {
        self.source.stats()
    }

    /// What is held from the present position on.
    fn held(&self) -> Option<Bytes> {
        let (range, bytes) = self.blocks.iter().find(|(range, _)| range.contains(&self.at))?;
        Some(bytes.slice(usize::try_from(self.at - range.start).ok()?..))
    }

    fn keep(&mut self, range: Range<u64>, bytes: Bytes) {
        self.blocks.push_front((range, bytes));
        self.blocks.truncate(KEPT);
    }
}

/// One block, resumed and repeated as any part.
pub(super) async fn block(source: Arc<Source>, range: Range<u64>, first: Option<Box<Answer>>) -> Result<Bytes> {
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let (fetch, mut part) = part(source, range);
    fetch.run(first).await;
    let mut bytes = BytesMut::with_capacity(length);
    while let Ok(chunk) = part.chunks.try_recv() {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes.freeze())
}

impl AsyncRead for SeekableObject {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.at >= self.size || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Some(held) = self.held() {
                let length = held.len().min(buf.remaining());
                buf.put_slice(&held[..length]);
                self.at += length as u64;
                return Poll::Ready(Ok(()));
            }
            let at = self.at;
            // A block fetched for where the caller was before it sought is of no more use.
            self.fetching.take_if(|(range, _)| !range.contains(&at));
            let start = at / BLOCK * BLOCK;
            let range = start..self.size.min(start + BLOCK);
            let source = Arc::clone(&self.source);
            let (range, fetching) =
                self.fetching.get_or_insert_with(|| (range.clone(), Box::pin(block(source, range, None))));
            let range = range.clone();
            let outcome = ready!(fetching.as_mut().poll(cx));
            self.fetching = None;
            match outcome {
                Ok(bytes) => self.keep(range, bytes),
                Err(error) => return Poll::Ready(Err(into_io(error))),
            }
        }
    }
}

impl AsyncSeek for SeekableObject {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let target = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        let refused =
            || io::Error::new(io::ErrorKind::InvalidInput, "the position lies before the start of the object");
        self.at = target.ok_or_else(refused)?;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}

impl fmt::Debug for SeekableObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SeekableObject");
        out.field("uri", &self.source.uri).field("size", &self.size).field("at", &self.at).finish_non_exhaustive()
    }
}
