//! Objects: bytes that are held, or content of any size that is worked out as it is read.

mod attributes;
mod checksum;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use fastrand::Rng;

use super::mint::hex;

pub(crate) use attributes::Attributes;
pub use attributes::Restore;
pub use checksum::ChecksumAlgorithm;
use checksum::Hasher;
pub(crate) use checksum::{StoredChecksum, digest, md5};

/// Generated content is made of runs of this many bytes, each a slice of one random tile.
const RUN: u64 = 128 * 1024;
const TILE: usize = 1024 * 1024;
/// The part size that a generated object's ETag pretends.
const PART: u64 = 8 * 1024 * 1024;

/// An object to be stored. Cheap to clone: the content is shared.
///
/// ```
/// use cube_sdk_testkit::aws::{AwsWorld, Object};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = AwsWorld::builder().start().await?;
/// let bucket = &world.card().bucket;
/// world.put_object(bucket, "labels.txt", Object::bytes("cat\ndog\n").content_type("text/plain"))?;
/// world.put_object(bucket, "huge.bin", Object::generated(7, 40 << 30))?; // 40 GiB, of which 1 MiB is kept
/// world.put_object(bucket, "old.bin", Object::bytes("…").storage_class("GLACIER"))?; // cannot be read
/// assert_eq!(world.object(bucket, "huge.bin").unwrap().size(), 40 << 30);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Object {
    content: Content,
    digests: Arc<Digests>,
    etag: Option<String>,
    pub(crate) attributes: Box<Attributes>,
    pub(crate) checksum: Option<StoredChecksum>,
    /// Sizes of the parts of a multipart upload; empty for an object put at once.
    pub(crate) parts: Arc<[u64]>,
}

/// The two digests that are asked for again and again, each worked out once.
#[derive(Default)]
struct Digests {
    sha256: OnceLock<String>,
    crc64nvme: OnceLock<String>,
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
    /// An object of exactly these bytes; its ETag is their MD5, as of a simple PUT, and it is stored with the checksum that
    /// S3 gives new objects by default, a CRC64NVME of the whole.
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
        Self {
            content,
            digests: Arc::default(),
            etag: None,
            attributes: Box::default(),
            checksum: Some(StoredChecksum::full(ChecksumAlgorithm::default())),
            parts: Arc::default(),
        }
    }

    /// Encrypted with this KMS key: reading it needs `kms:Decrypt` on the key's ARN, and its ETag is no MD5.
    #[must_use]
    pub fn kms_key(mut self, arn: impl Into<String>) -> Self {
        self.attributes.kms_key_arn = Some(arn.into());
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
        self.attributes.content_type = Some(value.into());
        self
    }

    /// Stored with a full-object SHA-256, shown to requests with checksum mode enabled.
    #[must_use]
    pub fn with_checksum(self) -> Self {
        self.checksum(Some(ChecksumAlgorithm::Sha256))
    }

    /// Stored with this full-object checksum, or with none, as objects from before 2025 are.
    #[must_use]
    pub fn checksum(mut self, algorithm: Option<ChecksumAlgorithm>) -> Self {
        self.checksum = algorithm.map(StoredChecksum::full);
        self
    }

    /// In a storage class: `GLACIER` and `DEEP_ARCHIVE` cannot be read until they are restored; default `STANDARD`.
    #[must_use]
    pub fn storage_class(mut self, name: impl Into<String>) -> Self {
        self.attributes.storage_class = Some(name.into());
        self
    }

    /// In an archive tier of `INTELLIGENT_TIERING` (`ARCHIVE_ACCESS`, `DEEP_ARCHIVE_ACCESS`), which cannot be read either.
    #[must_use]
    pub fn archive_tier(mut self, tier: impl Into<String>) -> Self {
        self.attributes.storage_class = Some("INTELLIGENT_TIERING".to_owned());
        self.attributes.archive_tier = Some(tier.into());
        self
    }

    /// How far the restoring of an archived object has come.
    #[must_use]
    pub fn restore(mut self, state: Restore) -> Self {
        self.attributes.restore = Some(state);
        self
    }

    /// With one more entry of user metadata, shown as `x-amz-meta-NAME`.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.metadata.insert(name.into().to_ascii_lowercase(), value.into());
        self
    }

    /// The same content as one PUT would have stored it: its ETag is worked out anew, and it has no parts.
    pub(crate) fn as_if_put(&self) -> Self {
        let digests = self.digests.clone();
        Self { digests, ..Self::from(self.content.clone()) }
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
            Content::Held(bytes) if self.attributes.kms_key_arn.is_none() => hex(&md5(bytes)),
            Content::Held(bytes) => hex(&md5(&[bytes.as_ref(), b"sse-kms"].concat())),
            Content::Generated { seed, size, .. } => {
                let name = hex(&md5(format!("{seed}/{size}").as_bytes()));
                format!("{name}-{}", size.div_ceil(PART).max(1))
            }
        }
    }

    /// SHA-256 of the content in lower-case hex. The first call reads the whole content; later ones are free.
    #[must_use]
    pub fn sha256(&self) -> String {
        use base64::Engine as _;
        let digest = base64::engine::general_purpose::STANDARD.decode(self.digest(ChecksumAlgorithm::Sha256));
        hex(&digest.unwrap_or_default())
    }

    /// The digest of the whole content in base64, whatever checksum the object is stored with.
    #[must_use]
    pub fn digest(&self, algorithm: ChecksumAlgorithm) -> String {
        let work_out = || {
            let mut hasher = Hasher::new(algorithm);
            self.runs(0..self.size()).for_each(|run| hasher.update(&run));
            hasher.finish()
        };
        match algorithm {
            ChecksumAlgorithm::Sha256 => self.digests.sha256.get_or_init(work_out).clone(),
            ChecksumAlgorithm::Crc64Nvme => self.digests.crc64nvme.get_or_init(work_out).clone(),
            _ => work_out(),
        }
    }

    /// Where a part lies in the object; the only part of an object that was put at once is the whole.
    pub(crate) fn part(&self, number: u32) -> Option<Range<u64>> {
        let index = number.checked_sub(1)?;
        let start = match &self.content {
            Content::Generated { .. } => Some(u64::from(index) * PART),
            Content::Held(_) if self.parts.is_empty() => (index == 0).then_some(0),
            Content::Held(_) => self.parts.get(..index as usize).map(|before| before.iter().sum()),
        }?;
        let length = match &self.content {
            Content::Generated { .. } => PART,
            Content::Held(_) => self.parts.get(index as usize).copied().unwrap_or(self.size()),
        };
        let count = self.part_count().unwrap_or(1);
        (number <= count).then(|| start..(start + length).min(self.size()))
    }

    /// How many parts a multipart upload had; none for an object put at once.
    pub(crate) fn part_count(&self) -> Option<u32> {
        match &self.content {
            Content::Generated { size, .. } => u32::try_from(size.div_ceil(PART).max(1)).ok(),
            Content::Held(_) => u32::try_from(self.parts.len()).ok().filter(|count| *count > 0),
        }
    }

    /// The content of a range, clipped to the object; copied, so meant for expectations in tests.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> Vec<u8> {
        let end = range.end.min(self.size());
        self.runs(range.start..end).flatten().collect()
    }

    fn runs(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            (at < range.end).then(|| {
                let run = self.run(at, range.end - at);
                at += run.len() as u64;
                run
            })
        })
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
        assert_eq!(object.sha256(), Object::bytes(whole.clone()).sha256());
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
    fn parts_of_both_kinds() {
        let generated = Object::generated(1, 2 * PART + 5);
        assert_eq!(generated.part_count(), Some(3));
        assert_eq!(generated.part(1), Some(0..PART));
        assert_eq!(generated.part(3), Some(2 * PART..2 * PART + 5));
        assert_eq!((generated.part(4), generated.part(0)), (None, None));
        let once = Object::bytes("hello");
        assert_eq!((once.part_count(), once.part(1), once.part(2)), (None, Some(0..5), None));
        let mut uploaded = Object::bytes("hello");
        uploaded.parts = [2, 3].into();
        assert_eq!((uploaded.part(2), uploaded.part(3)), (Some(2..5), None));
    }

    #[test]
    fn digests_of_known_texts() {
        let check = Object::bytes("123456789");
        for (algorithm, digest) in [
            // The check values of the catalogue of CRCs, in base64.
            (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
            (ChecksumAlgorithm::Crc32C, "4waSgw=="),
            (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
            (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
        ] {
            assert_eq!(check.digest(algorithm), digest, "{algorithm:?}");
        }
        assert_eq!(Object::bytes("").sha256(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn etags_of_held_bytes() {
        assert_eq!(Object::bytes("hello world").etag(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_ne!(Object::bytes("hello world").kms_key("arn:k").etag(), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(Object::bytes("").with_etag("abc").etag(), "abc");
    }
}
