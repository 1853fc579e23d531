//! SHA-256 beside the network: a task of its own between the parts and the caller.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cube_sdk_core::{Error, Result};
use sha2::Digest;
use tokio::sync::mpsc;

use super::ordered::Ordered;
use super::progress::ReaderEvent;
use super::source::Source;
use crate::code::ByoCode;
use crate::digest::Sha256;
use crate::fault::ByoFault;
use crate::session::GET_OBJECT;

impl Sha256 {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(sha2::Sha256::digest(bytes).into())
    }
}

/// Hashes each chunk before it is handed on. The last chunk waits for the verdict: whoever got every byte
/// got the right ones.
pub(crate) async fn verify(
    source: Arc<Source>,
    mut ordered: Ordered,
    expected: Option<Sha256>,
    found: Arc<OnceLock<Sha256>>,
    out: mpsc::UnboundedSender<Result<Bytes>>,
) {
    let mut hasher = sha2::Sha256::new();
    while let Some(item) = ordered.next().await {
        match item {
            Ok(chunk) => {
                hasher.update(&chunk);
                if ordered.is_at_end() {
                    let digest = Sha256::from_bytes(hasher.finalize_reset().into());
                    if let Some(expected) = expected.filter(|expected| *expected != digest) {
                        let _ = out.send(Err(mismatch(&source, expected, digest)));
                        return;
                    }
                    let _ = found.set(digest);
                    source.tell(|| ReaderEvent::Verified { sha256: digest });
                }
                if out.send(Ok(chunk)).is_err() {
                    return;
                }
            }
            Err(error) => {
                let _ = out.send(Err(error));
                return;
            }
        }
    }
}

/// The error for bytes that are not the registered ones.
pub(crate) fn mismatch(source: &Source, expected: Sha256, found: Sha256) -> Error {
    let fault = ByoFault::new(ByoCode::IntegrityMismatch).with_detail(format!("expected {expected}, found {found}"));
    fault.into_error(GET_OBJECT).with_target(source.uri.to_string())
}
