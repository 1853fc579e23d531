//! The stored checksum, computed beside the network: each part has its own CRC, and they are combined in order.

use std::sync::{Arc, Mutex, PoisonError};

use crc_fast::{CrcAlgorithm, Digest};
use cube_sdk_core::{Error, Result};

use super::source::Source;
use crate::code::ByoCode;
use crate::fault::ByoFault;
use crate::session::GET_OBJECT;
use crate::stored_checksum::{ChecksumAlgorithm, StoredChecksum};

/// The CRC of algorithms that are CRCs.
fn crc_of(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Crc32C => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Sha256 => None,
    }
}

/// The CRC of what came of one part: written where the part is fetched, read where its last byte is handed on.
#[derive(Clone)]
pub(crate) struct PartCrc(Arc<Mutex<Digest>>);

impl PartCrc {
    /// One for each part of a read that compares with a stored CRC.
    pub(crate) fn of(source: &Source) -> Option<Self> {
        let algorithm = crc_of(source.checksum.as_ref()?.algorithm())?;
        Some(Self(Arc::new(Mutex::new(Digest::new(algorithm)))))
    }

    /// Takes the part's next bytes.
    pub(crate) fn update(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
    }
}

/// The CRC of the parts so far, in their order.
pub(crate) struct WholeCrc {
    source: Arc<Source>,
    expected: StoredChecksum,
    digest: Digest,
}

impl WholeCrc {
    /// None when nothing is to be compared.
    pub(crate) fn of(source: &Arc<Source>) -> Option<Self> {
        let expected = source.checksum.clone()?;
        let digest = Digest::new(crc_of(expected.algorithm())?);
        Some(Self { source: Arc::clone(source), expected, digest })
    }

    /// The next part is complete.
    pub(crate) fn append(&mut self, part: &PartCrc) {
        self.digest.combine(&part.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All parts are in: are the bytes those that were stored?
    pub(crate) fn check(&self) -> Result<()> {
        let found = StoredChecksum::of_crc(self.expected.algorithm(), self.digest.finalize());
        if found == self.expected { Ok(()) } else { Err(mismatch(&self.source, &self.expected, &found)) }
    }
}

fn mismatch(source: &Source, expected: &StoredChecksum, found: &StoredChecksum) -> Error {
    let detail = format!("S3 stores the checksum {expected}, the bytes that came have {found}");
    ByoFault::new(ByoCode::IntegrityMismatch)
        .with_detail(detail)
        .into_error(GET_OBJECT)
        .with_target(source.uri.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_combine_to_the_whole_in_every_algorithm() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n * 31 % 251) as u8).collect();
        for algorithm in [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Crc32] {
            let crc = crc_of(algorithm).into_iter().next();
            assert!(crc.is_some(), "{algorithm}");
            let Some(crc) = crc else { continue };
            let mut whole = Digest::new(crc);
            for part in bytes.chunks(7_777) {
                let mut digest = Digest::new(crc);
                part.chunks(100).for_each(|chunk| digest.update(chunk));
                whole.combine(&digest);
            }
            assert_eq!(whole.finalize(), crc_fast::checksum(crc, &bytes), "{algorithm}");
        }
    }
}
