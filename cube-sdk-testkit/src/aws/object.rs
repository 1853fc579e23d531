//! Objects: bytes that are held, or content of any size that is worked out as it is read.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use bytes::Bytes;
use fastrand::Rng;
use s3s::crypto::{Checksum as _, Md5};
use sha2::{Digest as _, Sha256};

use super::mint::hex;

/// Generated content is made of runs of this many bytes, each a slice of one random tile.
const RUN: u64 = 128 * 1024;
const TILE: usize = 1024 * 1024;
/// The part size that a generated object's ETag pretends.
const PART: u64 = 8 * 1024 * 1024;

/// An object to be stored. Cheap to clone: the content is shared.
#[derive(Clone)]
pub struct Object {
    content: Content,
    digest: Arc<OnceLock<[u8; 32]>>,
    etag: Option<String>,
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) checksum: bool,
}

#[derive(Clone)]
enum Content {
    Held(Bytes),
    Generated { tile: Bytes, seed: u64, size: u64 },
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("size", &self.size()).field("etag", &self.etag()).finish_non_exhaustive()
    }
}

impl Object {
    /// An object of exactly these bytes; its ETag is their MD5, as of a simple PUT.
    #[must_use]
    pub fn bytes(content: impl Into<Bytes>) -> Self {
        Self::from(Content::Held(content.into()))
    }

    /// An object of `size` bytes that follow from `seed`: 1 MiB of memory whatever the size, served without copying.
    ///
    /// Two seeds differ in nearly every byte; so do any two runs of 128 KiB within one object. Its ETag has the form of
    /// a multipart upload with parts of 8 MiB.
    #[must_use]
    pub fn generated(seed: u64, size: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x9E37_79B9_7F4A_7C15);
        let mut tile = vec![0; TILE + RUN as usize];
        rng.fill(&mut tile);
        Self::from(Content::Generated { tile: tile.into(), seed, size })
    }

    fn from(content: Content) -> Self {
        Self { content, digest: Arc::default(), etag: None, kms_key_arn: None, content_type: None, checksum: false }
    }

    /// Encrypted with this KMS key: reading it needs `kms:Decrypt` on the key's ARN, and its ETag is no MD5.
    #[must_use]
    pub fn kms_key(mut self, arn: impl Into<String>) -> Self {
        self.kms_key_arn = Some(arn.into());
        self
    }

    /// The ETag to show, without quotes, in place of the computed one.
    #[must_use]
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// The `Content-Type` to show; `binary/octet-stream` otherwise.
    #[must_use]
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// Stored with a full-object SHA-256, shown to requests with checksum mode enabled.
    #[must_use]
    pub fn with_checksum(mut self) -> Self {
        self.checksum = true;
        self
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Generated { size, .. } => *size,
        }
    }

    /// Without quotes: 32 hex digits, with `-N` behind them for a generated object.
    #[must_use]
    pub fn etag(&self) -> String {
        if let Some(etag) = &self.etag {
            return etag.clone();
        }
        match &self.content {
            Content::Held(bytes) if self.kms_key_arn.is_none() => hex(Md5::checksum(bytes).as_ref()),
            Content::Held(bytes) => hex(Md5::checksum(&[bytes.as_ref(), b"sse-kms"].concat()).as_ref()),
            Content::Generated { seed, size, .. } => {
                let name = hex(Md5::checksum(format!("{seed}/{size}").as_bytes()).as_ref());
                format!("{name}-{}", size.div_ceil(PART).max(1))
            }
        }
    }

    /// SHA-256 of the content in lower-case hex. The first call reads the whole content; later ones are free.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&self.digest())
    }

    pub(crate) fn sha256_base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            let mut at = 0;
            while at < self.size() {
                let run = self.run(at, u64::MAX);
                hasher.update(&run);
                at += run.len() as u64;
            }
            hasher.finalize().into()
        })
    }

    /// The content of a range, clipped to the object; copied, so meant for expectations in tests.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> Vec<u8> {
        let end = range.end.min(self.size());
        let mut out = Vec::new();
        let mut at = range.start;
        while at < end {
            let run = self.run(at, end - at);
            out.extend_from_slice(&run);
            at += run.len() as u64;
        }
        out
    }

    /// Some bytes from `at` on, at most `most`: never empty within the object, shared with the store.
    pub(crate) fn run(&self, at: u64, most: u64) -> Bytes {
        let left = self.size().saturating_sub(at).min(most);
        match &self.content {
            Content::Held(bytes) => {
                let start = (at as usize).min(bytes.len());
                bytes.slice(start..start + left as usize)
            }
            Content::Generated { tile, seed, .. } => {
                let (index, within) = (at / RUN, at % RUN);
                let start = (scatter(seed.wrapping_add(index)) % TILE as u64 + within) as usize;
                tile.slice(start..start + left.min(RUN - within) as usize)
            }
        }
    }

    /// The held bytes, for the state file; generated objects have none.
    pub(crate) fn held(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Held(bytes) => Some(bytes),
            Content::Generated { .. } => None,
        }
    }
}

/// SplitMix64's finaliser: neighbouring runs land far apart in the tile.
fn scatter(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_the_same_whatever_its_cut() {
        let object = Object::generated(5, 3 * RUN + 17);
        let whole = object.read(0..u64::MAX);
        assert_eq!(whole.len() as u64, object.size());
        for (from, to) in
            [(0, 1), (RUN - 1, RUN + 1), (RUN, 2 * RUN), (17, 3 * RUN + 17), (5, 5), (3 * RUN + 16, u64::MAX)]
        {
            let end = to.min(object.size());
            assert_eq!(object.read(from..to), whole[from as usize..end as usize], "{from}..{to}");
        }
        assert_eq!(object.sha256(), hex(&Sha256::digest(&whole)));
    }

    #[test]
    fn runs_and_seeds_differ() {
        let (one, two) = (Object::generated(1, 4 * RUN), Object::generated(2, 4 * RUN));
        assert_ne!(one.read(0..RUN), one.read(RUN..2 * RUN));
        assert_ne!(one.read(0..64), two.read(0..64));
        assert_ne!(one.etag(), two.etag());
        assert_eq!(one.etag(), Object::generated(1, 4 * RUN).etag());
        assert_eq!(
            one.read(0..64),
            Object::generated(1, 9).read(0..64).into_iter().chain(one.read(9..64)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_gibibyte_costs_a_tile() {
        let object = Object::generated(3, 1 << 30);
        assert_eq!(object.read((1 << 30) - 4..1 << 30).len(), 4);
        assert!(object.etag().ends_with("-128"));
    }

    #[test]
    fn etags_of_held_bytes() {
        assert_eq!(Object::bytes("hello world").etag(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_ne!(Object::bytes("hello world").kms_key("arn:k").etag(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(Object::bytes("").with_etag("abc").etag(), "abc");
    }
}
