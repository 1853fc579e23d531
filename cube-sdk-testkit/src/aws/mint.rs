//! Ids in AWS's shapes from one seeded generator: the same seed gives the same ids in the same order of calls.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const UPPER: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Mints ids, keys and random choices.
#[derive(Debug)]
pub(crate) struct Mint(Mutex<Rng>);

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng::with_seed(seed)))
    }

    fn rng(&self) -> MutexGuard<'_, Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, alphabet: &[u8], len: usize) -> String {
        let mut rng = self.rng();
        (0..len).filter_map(|_| rng.choice(alphabet).copied()).map(char::from).collect()
    }

    /// `AKIA`, `ASIA`, `AIDA` or `AROA` and 16 characters of base32 (AWS IAM user guide, unique identifiers).
    pub(crate) fn unique_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.draw(BASE32, 16))
    }

    /// A secret access key: 40 characters.
    pub(crate) fn secret(&self) -> String {
        self.draw(BASE64, 40)
    }

    /// A session token: opaque, about the length of a real one.
    pub(crate) fn session_token(&self) -> String {
        format!("IQoJb3JpZ2luX2Vj{}", self.draw(BASE64, 320))
    }

    /// S3's request id: 16 upper-case characters.
    pub(crate) fn s3_request_id(&self) -> String {
        self.draw(UPPER, 16)
    }

    /// S3's `x-amz-id-2`: 76 characters of base64.
    pub(crate) fn s3_host_id(&self) -> String {
        format!("{}=", self.draw(BASE64, 75))
    }

    /// The id of a multipart upload: long and opaque.
    pub(crate) fn upload_id(&self) -> String {
        self.draw(BASE64, 128).replace(['+', '/'], "_")
    }

    /// A version 4 uuid.
    pub(crate) fn uuid(&self) -> String {
        let bytes = self.rng().u128(..).to_le_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// The unique part of a CloudTrail file name: 16 letters and digits.
    pub(crate) fn file_suffix(&self) -> String {
        let mut rng = self.rng();
        (0..16).map(|_| rng.alphanumeric()).collect()
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&self) -> f64 {
        self.rng().f64()
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
