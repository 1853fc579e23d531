//! SHA-256 beside the network and the caller: chunks are hashed while the caller has them already.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cube_sdk_core::{Error, ErrorKind, Result};
use sha2::Digest;
use tokio::sync::{mpsc, oneshot};

use super::progress::ReaderEvent;
use super::source::Source;
use crate::code::ByoCode;
use crate::digest::Sha256;
use crate::fault::ByoFault;
use crate::session::GET_OBJECT;

/// Bytes handed to the hashing thread at once, so that it is not woken for every chunk.
const BATCH: u64 = 512 * 1024;

impl Sha256 {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(sha2::Sha256::digest(bytes).into())
    }
}

/// Some chunks in order, and whether they are the last ones.
type Batch = (Vec<Bytes>, bool);

/// The caller's end: takes a second hold of each chunk, and gives the verdict on all of them.
pub(crate) struct Hashing {
    batch: Vec<Bytes>,
    gathered: u64,
    most: u64,
    batches: mpsc::UnboundedSender<Batch>,
    verdict: oneshot::Receiver<Result<()>>,
}

/// The hashing end.
pub(crate) struct Hasher {
    source: Arc<Source>,
    expected: Option<Sha256>,
    found: Arc<OnceLock<Sha256>>,
    batches: mpsc::UnboundedReceiver<Batch>,
    verdict: oneshot::Sender<Result<()>>,
}

/// Both ends. The channel is unbounded: what it holds is accounted until it is hashed.
pub(crate) fn hashing(
    source: Arc<Source>,
    expected: Option<Sha256>,
    found: Arc<OnceLock<Sha256>>,
) -> (Hashing, Hasher) {
    let (send, batches) = mpsc::unbounded_channel();
    let (tell, verdict) = oneshot::channel();
    // Less than would keep the next part waiting for bytes that nobody is about to hash.
    let most = BATCH.min(source.budget.capacity() / 8);
    let near = Hashing { batch: Vec::new(), gathered: 0, most, batches: send, verdict };
    (near, Hasher { source, expected, found, batches, verdict: tell })
}

impl Hashing {
    /// Takes note of the next chunk.
    pub(crate) fn put(&mut self, chunk: Bytes, last: bool) {
        self.gathered += chunk.len() as u64;
        self.batch.push(chunk);
        if last || self.gathered >= self.most {
            self.gathered = 0;
            // A hasher that is gone shows in the verdict.
            let _ = self.batches.send((std::mem::take(&mut self.batch), last));
        }
    }

    /// Resolves once the last chunk is hashed: are the bytes the expected ones?
    pub(crate) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let verdict = ready!(std::pin::Pin::new(&mut self.verdict).poll(cx));
        Poll::Ready(verdict.unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the reader's tasks ended early"))))
    }
}

impl Hasher {
    /// Hashes on a thread for blocking work while there is something to hash, and holds none while there is not.
    pub(crate) async fn run(mut self) {
        let mut hasher = sha2::Sha256::new();
        while let Some(batch) = self.batches.recv().await {
            let thread = tokio::task::spawn_blocking(move || self.hash(hasher, batch));
            match thread.await {
                Ok(Some(rest)) => (self, hasher) = rest,
                _ => return,
            }
        }
    }

    /// Hashes everything that waits. None when there is no more to come, or nobody to hash for.
    fn hash(mut self, mut hasher: sha2::Sha256, mut batch: Batch) -> Option<(Self, sha2::Sha256)> {
        loop {
            let (chunks, last) = batch;
            for chunk in chunks {
                hasher.update(&chunk);
                self.source.hashed(chunk.len() as u64);
            }
            if last {
                self.conclude(hasher);
                return None;
            }
            batch = match self.batches.try_recv() {
                Ok(_) if self.batches.is_closed() => return None,
                Ok(batch) => batch,
                Err(_) => return Some((self, hasher)),
            };
        }
    }

    fn conclude(self, hasher: sha2::Sha256) {
        let digest = Sha256::from_bytes(hasher.finalize().into());
        let outcome = match self.expected.filter(|expected| *expected != digest) {
            Some(expected) => Err(mismatch(&self.source, expected, digest)),
            None => {
                let _ = self.found.set(digest);
                self.source.tell(|| ReaderEvent::Verified { sha256: digest });
                Ok(())
            }
        };
        let _ = self.verdict.send(outcome);
    }
}

/// The error for bytes that are not the registered ones.
pub(crate) fn mismatch(source: &Source, expected: Sha256, found: Sha256) -> Error {
    let fault = ByoFault::new(ByoCode::IntegrityMismatch).with_detail(format!("expected {expected}, found {found}"));
    fault.into_error(GET_OBJECT).with_target(source.uri.to_string())
}
