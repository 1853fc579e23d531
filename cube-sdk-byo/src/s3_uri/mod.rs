//! Where model bytes live: bucket, key, and the two URI forms.
//!
//! `s3://bucket/key` is what people write; `byo-s3://bucket/key` is the storage URL of a registered
//! artifact, which routes reads to the customer's bucket.

use std::fmt;
use std::str::FromStr;

use cube_sdk_core::names::refused;
use cube_sdk_core::{Error, Result, text_forms, text_id};

/// Longest key, in bytes of UTF-8 (Amazon S3 user guide, "Naming Amazon S3 objects").
const MAX_KEY: usize = 1024;

text_id! {
    /// A bucket's name: 3–254 characters out of lower-case letters, digits, `-` and `.`, starting with a
    /// letter or digit. AWS itself stops at 63: see [`Bucket::fits_aws`].
    ///
    /// ```
    /// use cube_sdk_byo::Bucket;
    /// assert!("m.odels-1".parse::<Bucket>().is_ok());
    /// assert!("s3://abc".parse::<Bucket>().is_err());
    /// ```
    pub struct Bucket: Self::check;
}

text_id! {
    /// The key of an object: 1–1024 bytes of UTF-8 without control characters. Case matters, and nothing
    /// is percent-decoded.
    pub struct ObjectKey: Self::check;
}

impl Bucket {
    fn check(text: &str) -> Result<()> {
        const ADVICE: &str = "use the bucket's bare name as the S3 console shows it";
        if !(3..=254).contains(&text.len()) {
            return Err(refused("bucket", text, "the name must have 3 to 254 characters").advice(ADVICE));
        }
        Self::check_letters("bucket", text, text).map_err(|error| error.advice(ADVICE))
    }

    fn check_letters(what: &str, text: &str, name: &str) -> Result<()> {
        if !name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err(refused(what, text, "the bucket's name must start with a lower-case letter or a digit"));
        }
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') {
            let why = "the bucket's name may hold lower-case letters, digits, hyphens and dots only";
            return Err(refused(what, text, why));
        }
        if !(2..=254).contains(&name.len()) {
            return Err(refused(what, text, "the bucket's name must have 2 to 254 characters"));
        }
        Ok(())
    }

    /// True when the name also keeps AWS's own limit of 63 characters.
    pub fn fits_aws(&self) -> bool {
        (3..=63).contains(&self.as_str().len())
    }

    /// The ARN of the bucket.
    pub fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.as_str())
    }
}

impl ObjectKey {
    fn check(text: &str) -> Result<()> {
        if text.is_empty() {
            return Err(refused("object key", text, "it is empty"));
        }
        if text.len() > MAX_KEY {
            return Err(refused("object key", text, format_args!("{} bytes, S3 takes at most {MAX_KEY}", text.len())));
        }
        if text.chars().any(char::is_control) {
            return Err(refused("object key", text, "it holds control characters"));
        }
        Ok(())
    }
}

/// `s3://bucket/key`. The text behind the bucket's slash is the key, byte for byte.
///
/// ```
/// use cube_sdk_byo::S3Uri;
/// let uri: S3Uri = "s3://abc/dir/M odel.onnx".parse().unwrap();
/// assert_eq!((uri.bucket().as_str(), uri.key().as_str()), ("abc", "dir/M odel.onnx"));
/// assert_eq!(uri.storage_url(), "byo-s3://abc/dir/M odel.onnx");
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct S3Uri {
    bucket: Bucket,
    key: ObjectKey,
}

impl S3Uri {
    /// From its two parts.
    pub fn new(bucket: Bucket, key: ObjectKey) -> Self {
        Self { bucket, key }
    }

    /// Reads the storage URL of a registered artifact, `byo-s3://bucket/key`.
    ///
    /// # Errors
    /// `InvalidInput` for any other scheme, and for what [`S3Uri::from_str`] refuses.
    pub fn from_storage_url(text: &str) -> Result<Self> {
        match text.strip_prefix("byo-s3://") {
            Some(rest) => parse_rest("storage URL", text, rest),
            None => Err(refused("storage URL", text, "it must start with `byo-s3://`")
                .advice("artifacts kept in EdgeGate's own storage have no object of yours to read")),
        }
    }

    /// The bucket. By the grammar of the URI its name may be as short as two characters; such a bucket
    /// equals no grant's.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The key, case-sensitive and not decoded.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// `byo-s3://bucket/key`.
    pub fn storage_url(&self) -> String {
        format!("byo-{self}")
    }

    /// The ARN of the object.
    pub fn arn(&self) -> String {
        format!("{}/{}", self.bucket.arn(), self.key)
    }
}

fn parse_rest(what: &str, text: &str, rest: &str) -> Result<S3Uri> {
    let Some((bucket, key)) = rest.split_once('/') else {
        return Err(refused(what, text, "the slash and key behind the bucket are missing"));
    };
    Bucket::check_letters(what, text, bucket)?;
    if key.is_empty() {
        return Err(refused(what, text, "the key behind the bucket's slash is missing"));
    }
    Ok(S3Uri { bucket: Bucket(bucket.into()), key: key.parse()? })
}

impl FromStr for S3Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("s3://") {
            Some(rest) => parse_rest("S3 URI", text, rest),
            None => Err(refused("S3 URI", text, "it must start with `s3://`").advice("write it like s3://bucket/key")),
        }
    }
}

text_forms!(S3Uri);

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl fmt::Debug for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Uri({:?})", self.to_string())
    }
}

#[cfg(test)]
mod tests;
