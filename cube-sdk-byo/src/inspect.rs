//! What an object is, without its bytes: the one HeadObject of a registration.

use std::sync::Arc;

use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use base64::Engine;
use cube_sdk_core::names::taken;
use cube_sdk_core::retry::{Attempt, Deadline};
use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};

use crate::digest::Sha256;
use crate::s3_uri::{ObjectKey, S3Uri};
use crate::session::{HEAD_OBJECT, Lease, Session};
use crate::stored_checksum::{NoChecksum, StoredChecksum, of_head};

/// What S3 tells of an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// The ETag, quotes included: pins a version, and is no digest (multipart and SSE-KMS).
    pub etag: String,
    /// S3's own SHA-256 of the whole object, when it was uploaded with one. Composites of parts are left out.
    pub sha256: Option<Sha256>,
    /// S3's own checksum of the whole object, or why there is none. On AWS it is shown only to those who may decrypt.
    pub checksum: std::result::Result<StoredChecksum, NoChecksum>,
    /// When it was last written.
    pub last_modified: Option<Timestamp>,
    /// The media type as stored.
    pub content_type: Option<String>,
    /// The version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// AWS's request id of the HEAD.
    pub request_id: Option<String>,
}

impl Session {
    /// Asks S3 for size, ETag and checksum: one HeadObject. Its answer to a failure has no body, so a failed
    /// HEAD is followed by one GET of the first byte, which tells the reason; both leave an audit row.
    ///
    /// On AWS the checksum is shown only to those who may decrypt.
    ///
    /// # Errors
    /// Every BYO code of S3, with the request ids of both calls.
    pub async fn inspect(&self, uri: impl TryInto<S3Uri, Error: Into<Error>>) -> Result<ObjectInfo> {
        self.inspect_until(&taken(uri)?, self.account.deadline()).await
    }

    pub(crate) async fn inspect_until(&self, uri: &S3Uri, deadline: Deadline) -> Result<ObjectInfo> {
        self.check_bucket(uri)?;
        let key = uri.key();
        let look = |attempt, lease: Arc<Lease>| async move { self.inspect_once(&attempt, &lease, key).await };
        self.call(HEAD_OBJECT, Some(key), deadline, look).await
    }

    async fn inspect_once(&self, attempt: &Attempt, lease: &Lease, key: &ObjectKey) -> Result<ObjectInfo> {
        let failure = match self.head(attempt, lease, key).await? {
            Ok(output) => return info(&output),
            Err(failure) => failure,
        };
        if !failure.is_mute() || failure.is_overload() {
            return Err(self.error(failure, HEAD_OBJECT, Some(key), &[]));
        }
        let earlier: Vec<String> = failure.request_id.iter().cloned().collect();
        match self.first_byte(attempt, lease, key).await? {
            Err(told) if !told.is_range_behind_end() => Err(self.error(told, HEAD_OBJECT, Some(key), &earlier)),
            // A GET that works where the HEAD did not (an empty object has no first byte) leaves the HEAD's own answer.
            Ok(_) | Err(_) => Err(self.error(failure, HEAD_OBJECT, Some(key), &[])),
        }
    }
}

fn info(output: &HeadObjectOutput) -> Result<ObjectInfo> {
    let size = output.content_length().and_then(|size| u64::try_from(size).ok());
    let size = size.ok_or_else(|| {
        Error::new(ErrorKind::Decode, "S3 answered without a length").with_request_id(output.request_id())
    })?;
    Ok(ObjectInfo {
        size,
        etag: output.e_tag().unwrap_or_default().to_owned(),
        sha256: full_object_sha256(output.checksum_sha256(), output.checksum_type()),
        checksum: of_head(output),
        last_modified: output.last_modified().and_then(|time| time.to_millis().ok()).map(Timestamp::from_millisecond),
        content_type: output.content_type().map(str::to_owned),
        version_id: output.version_id().map(str::to_owned),
        request_id: output.request_id().map(str::to_owned),
    })
}

/// Composites of parts are digests of digests: they carry `-N`, or the type says so.
fn full_object_sha256(base64: Option<&str>, kind: Option<&ChecksumType>) -> Option<Sha256> {
    if kind == Some(&ChecksumType::Composite) {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64?).ok()?;
    bytes.try_into().ok().map(Sha256::from_bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn composites_are_no_digest_of_the_object() {
        let whole = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(full_object_sha256(Some(whole), None), Some(Sha256::of(b"")));
        assert_eq!(full_object_sha256(Some(whole), Some(&ChecksumType::FullObject)), Some(Sha256::of(b"")));
        assert_eq!(full_object_sha256(Some(whole), Some(&ChecksumType::Composite)), None);
        assert_eq!(full_object_sha256(Some(&format!("{whole}-3")), None), None);
        assert_eq!(full_object_sha256(None, None), None);
    }
}
