//! The typed codes of BYO storage: what each means and what to do about it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use cube_sdk_core::ErrorKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A `BYO_*` code. Codes that this version does not know are kept as they came.
///
/// ```
/// use cube_sdk_byo::ByoCode;
/// let code = ByoCode::from("BYO_KMS_ACCESS_DENIED");
/// assert_eq!(code, ByoCode::KmsAccessDenied);
/// assert!(code.fix().contains("kms:Decrypt"));
/// assert_eq!(ByoCode::from("BYO_SOMETHING_NEW").as_str(), "BYO_SOMETHING_NEW");
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ByoCode {
    /// STS refused AssumeRole: wrong or old External ID, wrong principal, or the role is gone.
    AssumeRoleFailed,
    /// The object is encrypted with a KMS key that the role may not use.
    KmsAccessDenied,
    /// The bucket lives in another region than the grant says.
    RegionMismatch,
    /// The key does not exist, or the policy hides it.
    ObjectNotFound,
    /// The role was assumed, but S3 denied GetObject or ListBucket.
    ObjectAccessDenied,
    /// The bucket does not exist.
    BucketGone,
    /// The bytes read are not the bytes that were registered.
    IntegrityMismatch,
    /// The workspace has no usable grant.
    NoGrant,
    /// The URI names another bucket than the grant.
    BucketMismatch,
    /// The object's size is not the size that was expected.
    SizeMismatch,
    /// A code that this version does not know, as it came.
    Unknown(Box<str>),
}

impl ByoCode {
    /// Every known code.
    pub const KNOWN: [Self; 10] = [
        Self::AssumeRoleFailed,
        Self::KmsAccessDenied,
        Self::RegionMismatch,
        Self::ObjectNotFound,
        Self::ObjectAccessDenied,
        Self::BucketGone,
        Self::IntegrityMismatch,
        Self::NoGrant,
        Self::BucketMismatch,
        Self::SizeMismatch,
    ];

    /// The codes that a readiness probe can end with: a checklist after a failed probe covers them all.
    pub const PROBE: [Self; 5] = [
        Self::AssumeRoleFailed,
        Self::RegionMismatch,
        Self::BucketGone,
        Self::ObjectAccessDenied,
        Self::KmsAccessDenied,
    ];

    /// The code as it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AssumeRoleFailed => "BYO_ASSUME_ROLE_FAILED",
            Self::KmsAccessDenied => "BYO_KMS_ACCESS_DENIED",
            Self::RegionMismatch => "BYO_REGION_MISMATCH",
            Self::ObjectNotFound => "BYO_OBJECT_NOT_FOUND",
            Self::ObjectAccessDenied => "BYO_OBJECT_ACCESS_DENIED",
            Self::BucketGone => "BYO_BUCKET_GONE",
            Self::IntegrityMismatch => "BYO_INTEGRITY_MISMATCH",
            Self::NoGrant => "BYO_NO_GRANT",
            Self::BucketMismatch => "BYO_BUCKET_MISMATCH",
            Self::SizeMismatch => "BYO_SIZE_MISMATCH",
            Self::Unknown(code) => code,
        }
    }

    /// What happened, as a clause in lower case.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::AssumeRoleFailed => {
                "STS refused AssumeRole: the trust policy lacks the grant's current External ID or names \
                 another principal, or the role was deleted or revoked"
            }
            Self::KmsAccessDenied => "the object is encrypted with a KMS key that the role may not decrypt with",
            Self::RegionMismatch => "the bucket lives in another region than the grant says",
            Self::ObjectNotFound => "the key does not exist, or the policy hides it from the role",
            Self::ObjectAccessDenied => "S3 denied GetObject or ListBucket on the bucket or this key",
            Self::BucketGone => "the bucket does not exist",
            Self::IntegrityMismatch => "the bytes are not the ones that were registered",
            Self::NoGrant => "the workspace has no usable grant",
            Self::BucketMismatch => "the URI names another bucket than the grant",
            Self::SizeMismatch => "the object's size is not the expected one",
            Self::Unknown(_) => "EdgeGate answered with a code that this version does not know",
        }
    }

    /// What to do next, as an order in lower case.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::AssumeRoleFailed => {
                "copy the grant's current external_id into `sts:ExternalId` of the role's trust policy, check \
                 that its principal is EdgeGate's, wait 10 s if the role is new, then verify again"
            }
            Self::KmsAccessDenied => {
                "add the role to the key's policy and `kms:Decrypt` on the key to the role's policy, and check \
                 that the grant was registered with kms_key_id"
            }
            Self::RegionMismatch => "disconnect, then register the bucket again with its real region",
            Self::ObjectNotFound => {
                "check the key's exact spelling (case matters), then that the policy covers its prefix"
            }
            Self::ObjectAccessDenied => {
                "grant `s3:GetObject` on the bucket's objects and `s3:ListBucket` on the bucket to the role, and \
                 look for an explicit Deny in the bucket policy"
            }
            Self::BucketGone => "check the bucket's name: disconnect, then register again with the right one",
            Self::IntegrityMismatch => {
                "the object was overwritten: restore it, or register the new bytes as a new artifact"
            }
            Self::NoGrant => "register the bucket again: artifacts of the same bucket become readable again",
            Self::BucketMismatch => "register objects of the grant's own bucket only",
            Self::SizeMismatch => "check expected_size, or whether the upload was complete",
            Self::Unknown(_) => "quote the code and the request id to EdgeGate's support, or update the SDK",
        }
    }

    /// The kind of error that carries this code.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::AssumeRoleFailed | Self::ObjectAccessDenied | Self::KmsAccessDenied => ErrorKind::PermissionDenied,
            Self::ObjectNotFound | Self::BucketGone | Self::NoGrant => ErrorKind::NotFound,
            Self::RegionMismatch => ErrorKind::Config,
            Self::IntegrityMismatch => ErrorKind::Integrity,
            Self::BucketMismatch | Self::SizeMismatch | Self::Unknown(_) => ErrorKind::InvalidInput,
        }
    }

    /// Reads the code at the head of a text such as a grant's `last_verify_error`: the bare code, or the
    /// code, a colon and words. Gives the code and the words; none when no `BYO_` code leads.
    pub fn leading(text: &str) -> Option<(Self, &str)> {
        let text = text.trim_start();
        let end =
            text.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
        let (code, rest) = text.split_at(end);
        let known = code.starts_with("BYO_") && code.len() > 4;
        known.then(|| (Self::from(code), rest.strip_prefix(':').unwrap_or(rest).trim()))
    }
}

impl From<&str> for ByoCode {
    fn from(text: &str) -> Self {
        Self::KNOWN.into_iter().find(|code| code.as_str() == text).unwrap_or_else(|| Self::Unknown(text.into()))
    }
}

impl FromStr for ByoCode {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(text))
    }
}

impl fmt::Display for ByoCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ByoCode {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ByoCode {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(input).map(|text| Self::from(&*text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_helps() {
        for code in ByoCode::KNOWN {
            assert_eq!(ByoCode::from(code.as_str()), code);
            assert!(code.as_str().starts_with("BYO_"));
            assert!(code.fix().len() > 20 && code.meaning().len() > 20);
            assert!(!code.fix().ends_with('.'));
        }
    }

    #[test]
    fn unknown_codes_survive_json() {
        let code: ByoCode = serde_json::from_str("\"BYO_LATER\"").unwrap();
        assert_eq!(code, ByoCode::Unknown("BYO_LATER".into()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"BYO_LATER\"");
    }

    #[test]
    fn leading_codes() {
        assert_eq!(ByoCode::leading("BYO_BUCKET_GONE"), Some((ByoCode::BucketGone, "")));
        assert_eq!(
            ByoCode::leading("BYO_ASSUME_ROLE_FAILED: not authorized"),
            Some((ByoCode::AssumeRoleFailed, "not authorized"))
        );
        assert_eq!(ByoCode::leading("no active grant"), None);
        assert_eq!(ByoCode::leading("NO_AIHUB_TOKEN"), None);
        assert_eq!(ByoCode::leading(""), None);
    }
}
