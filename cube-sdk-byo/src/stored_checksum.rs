//! The checksum of a whole object that S3 keeps beside it.

use std::fmt;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The algorithms of checksums that S3 keeps and this library computes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// CRC-64/NVME: what S3 stores of its own accord since 2025.
    Crc64Nvme,
    /// CRC-32C, Castagnoli.
    Crc32C,
    /// CRC-32, ISO-HDLC.
    Crc32,
    /// SHA-256.
    Sha256,
}

impl ChecksumAlgorithm {
    /// As S3 spells it in `x-amz-checksum-algorithm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32C => "CRC32C",
            Self::Crc32 => "CRC32",
            Self::Sha256 => "SHA256",
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32C | Self::Crc32 => 4,
            Self::Sha256 => 32,
        }
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checksum of all bytes of an object.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct StoredChecksum {
    algorithm: ChecksumAlgorithm,
    bytes: Vec<u8>,
}

impl StoredChecksum {
    /// How it is computed.
    pub const fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// Its bytes, the highest first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A CRC of the algorithm's width.
    pub(crate) fn of_crc(algorithm: ChecksumAlgorithm, crc: u64) -> Self {
        let bytes = crc.to_be_bytes();
        Self { algorithm, bytes: bytes[bytes.len().saturating_sub(algorithm.width())..].to_vec() }
    }

    fn read(algorithm: ChecksumAlgorithm, base64: &str) -> Option<Self> {
        let bytes = STANDARD.decode(base64).ok()?;
        (bytes.len() == algorithm.width()).then_some(Self { algorithm, bytes })
    }
}

/// As S3 writes it: `CRC64NVME kSbbAkFNrGw=`.
impl fmt::Display for StoredChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, STANDARD.encode(&self.bytes))
    }
}

/// Why there is no checksum of the whole object to compare with.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NoChecksum {
    /// S3 keeps none, as of objects that were uploaded before 2025, or does not show it to who may not decrypt.
    None,
    /// The checksum is one of the parts' checksums: it says nothing about bytes that are read in other parts.
    Composite,
    /// The checksum is of an algorithm that this library does not compute, or unreadable.
    Unknown(String),
}

impl fmt::Display for NoChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("S3 shows no checksum of it"),
            Self::Composite => f.write_str("its checksum is COMPOSITE: one of its parts' checksums"),
            Self::Unknown(what) => write!(f, "its checksum is of another kind: {what}"),
        }
    }
}

/// What a HEAD in checksum mode tells.
pub(crate) fn of_head(output: &HeadObjectOutput) -> Result<StoredChecksum, NoChecksum> {
    use ChecksumAlgorithm as A;
    let known = [
        (A::Crc64Nvme, output.checksum_crc64_nvme()),
        (A::Crc32C, output.checksum_crc32_c()),
        (A::Crc32, output.checksum_crc32()),
        (A::Sha256, output.checksum_sha256()),
    ];
    let composite = |text: &str| output.checksum_type() == Some(&ChecksumType::Composite) || text.contains('-');
    let mut why = NoChecksum::None;
    for (algorithm, text) in known {
        let Some(text) = text else { continue };
        if composite(text) {
            why = NoChecksum::Composite;
            continue;
        }
        match StoredChecksum::read(algorithm, text) {
            Some(checksum) => return Ok(checksum),
            None => why = NoChecksum::Unknown(format!("{algorithm} `{}`", text.escape_debug())),
        }
    }
    match output.checksum_sha1() {
        Some(text) if why == NoChecksum::None && composite(text) => Err(NoChecksum::Composite),
        Some(_) if why == NoChecksum::None => Err(NoChecksum::Unknown("SHA1".to_owned())),
        _ => Err(why),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_checksums_of_the_whole_object_count() {
        let head = HeadObjectOutput::builder;
        let whole = of_head(&head().checksum_crc64_nvme("rosUhgp5mIg=").build()).unwrap();
        assert_eq!(whole, StoredChecksum::of_crc(ChecksumAlgorithm::Crc64Nvme, 0xae8b_1486_0a79_9888));
        assert_eq!(whole.to_string(), "CRC64NVME rosUhgp5mIg=");
        let short =
            of_head(&head().checksum_crc32_c("4waSgw==").checksum_type(ChecksumType::FullObject).build()).unwrap();
        assert_eq!(short, StoredChecksum::of_crc(ChecksumAlgorithm::Crc32C, 0xe306_9283));
        for (output, why) in [
            (head().build(), NoChecksum::None),
            (head().checksum_crc32("y/Q5Jg==-3").build(), NoChecksum::Composite),
            (head().checksum_crc32("y/Q5Jg==").checksum_type(ChecksumType::Composite).build(), NoChecksum::Composite),
            (head().checksum_sha1("98O8HYCOBHMqK4F4qVWk+Dqs2N0=-2").build(), NoChecksum::Composite),
            (head().checksum_sha1("98O8HYCOBHMqK4F4qVWk+Dqs2N0=").build(), NoChecksum::Unknown("SHA1".to_owned())),
            (head().checksum_crc32("rosUhgp5mIg=").build(), NoChecksum::Unknown("CRC32 `rosUhgp5mIg=`".to_owned())),
        ] {
            assert_eq!(of_head(&output).unwrap_err(), why);
        }
    }
}
