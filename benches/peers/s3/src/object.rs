//! The object that everyone reads: a file of pseudo-random bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use sha2::{Digest, Sha256};

/// Name of the bucket, a directory under the server's root.
pub(crate) const BUCKET: &str = "models";
/// Name of the object.
pub(crate) const KEY: &str = "model.bin";

const BLOCK: usize = 1 << 20;

/// A written object.
pub(crate) struct Object {
    /// Length in bytes.
    pub(crate) size: u64,
    /// SHA-256 of the whole, 64 hex digits.
    pub(crate) sha256: String,
    /// CRC-64/NVME of the whole, in base64 as S3 tells it.
    pub(crate) crc64nvme: String,
}

/// Writes `size` pseudo-random bytes to `root/BUCKET/KEY`. The same size always gives the same bytes.
pub(crate) fn write(root: &Path, size: u64) -> anyhow::Result<Object> {
    let directory = root.join(BUCKET);
    std::fs::create_dir_all(&directory)?;
    let path = directory.join(KEY);
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let mut out = BufWriter::with_capacity(BLOCK, file);
    let mut random = fastrand::Rng::with_seed(size);
    let (mut digest, mut crc) = (Sha256::new(), crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme));
    let mut block = vec![0; BLOCK];
    let mut left = size;
    while left > 0 {
        random.fill(&mut block);
        let take = usize::try_from(left.min(BLOCK as u64))?;
        digest.update(&block[..take]);
        crc.update(&block[..take]);
        out.write_all(&block[..take]).with_context(|| format!("writing {}", path.display()))?;
        left -= take as u64;
    }
    out.flush()?;
    let crc64nvme = BASE64_STANDARD.encode(crc.finalize().to_be_bytes());
    Ok(Object { size, sha256: hex(&digest.finalize()), crc64nvme })
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a length such as `1048576`, `64MiB` or `2GiB`.
pub(crate) fn length(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("unknown unit {other:?}: use KiB, MiB or GiB")),
    };
    let count: u64 = digits.parse().map_err(|error| format!("{digits:?}: {error}"))?;
    count.checked_mul(unit).ok_or_else(|| format!("{text} is too large"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_are_read_with_their_units() {
        assert_eq!(length("17"), Ok(17));
        assert_eq!(length("64MiB"), Ok(64 << 20));
        assert_eq!(length("2GiB"), Ok(2 << 30));
        assert!(length("2GB").is_err());
        assert!(length("GiB").is_err());
        assert!(length("99999999999GiB").is_err());
    }

    #[test]
    fn the_digest_is_that_of_the_file() {
        let root = tempfile::tempdir().unwrap();
        let object = write(root.path(), (1 << 20) + 3).unwrap();
        let bytes = std::fs::read(root.path().join(BUCKET).join(KEY)).unwrap();
        assert_eq!(bytes.len() as u64, object.size);
        assert_eq!(hex(&Sha256::digest(&bytes)), object.sha256);
    }
}
