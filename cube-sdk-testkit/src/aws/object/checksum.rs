//! Checksums that objects are stored with (S3 user guide, checking object integrity).

use base64::Engine as _;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use serde::{Deserialize, Serialize};

/// The algorithms of S3's additional checksums.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// CRC-32, ISO-HDLC.
    Crc32,
    /// CRC-32C, Castagnoli.
    Crc32C,
    /// CRC-64/NVME: what S3 stores of its own accord since 2025.
    #[default]
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl ChecksumAlgorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32C, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As S3 spells it in `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32C => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32C => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }
}

/// Works out one digest.
pub(crate) enum Hasher {
    Crc32(Crc32),
    Crc32C(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        match algorithm {
            ChecksumAlgorithm::Crc32 => Self::Crc32(Crc32::new()),
            ChecksumAlgorithm::Crc32C => Self::Crc32C(Crc32c::new()),
            ChecksumAlgorithm::Crc64Nvme => Self::Crc64Nvme(Crc64Nvme::new()),
            ChecksumAlgorithm::Sha1 => Self::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(hasher) => hasher.update(bytes),
            Self::Crc32C(hasher) => hasher.update(bytes),
            Self::Crc64Nvme(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// In base64, big end first.
    pub(crate) fn finish(self) -> String {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        match self {
            Self::Crc32(hasher) => encode(&hasher.finalize()),
            Self::Crc32C(hasher) => encode(&hasher.finalize()),
            Self::Crc64Nvme(hasher) => encode(&hasher.finalize()),
            Self::Sha1(hasher) => encode(hasher.finalize().as_ref()),
            Self::Sha256(hasher) => encode(hasher.finalize().as_ref()),
        }
    }
}

/// What an object was stored with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct StoredChecksum {
    pub(crate) algorithm: ChecksumAlgorithm,
    /// `BASE64-N`, the checksum of the parts' checksums; none for a checksum of the whole object.
    pub(crate) composite: Option<String>,
}

impl StoredChecksum {
    pub(crate) fn full(algorithm: ChecksumAlgorithm) -> Self {
        Self { algorithm, composite: None }
    }

    /// `x-amz-checksum-type`.
    pub(crate) fn kind(&self) -> &'static str {
        if self.composite.is_some() { "COMPOSITE" } else { "FULL_OBJECT" }
    }
}
