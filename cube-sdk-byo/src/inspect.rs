//! What an object is, without its bytes: the one HeadObject of a registration.

use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use base64::Engine;
use cube_sdk_core::retry::Deadline;
use cube_sdk_core::{Error, ErrorKind, Operation, Result, Timestamp, WhichClock};

use crate::audit::AuditEvent;
use crate::digest::Sha256;
use crate::s3_uri::S3Uri;
use crate::session::{AuditScope, Failure, GET_OBJECT, HEAD_OBJECT, Session, Subject};

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
    pub async fn inspect(&self, uri: &S3Uri) -> Result<ObjectInfo> {
        self.check_bucket(uri)?;
        let deadline = Deadline::none();
        self.storage.retrier().run(HEAD_OBJECT, deadline, |_| self.inspect_once(uri)).await
    }

    async fn inspect_once(&self, uri: &S3Uri) -> Result<ObjectInfo> {
        let mut renewed = false;
        loop {
            let lease = self.lease().await?;
            let failure = match head(self, &lease.s3, uri).await? {
                Ok(output) => return info(&output),
                Err(failure) => failure,
            };
            let mut earlier = Vec::new();
            let failure = if failure.is_mute() {
                earlier.extend(failure.request_id.clone());
                // A GET that works where the HEAD did not leaves the HEAD's own answer.
                first_byte(self, &lease.s3, uri).await?.err().unwrap_or(failure)
            } else {
                failure
            };
            if !failure.is_expired_session() || renewed {
                return Err(self.error(failure, HEAD_OBJECT, Some(uri.key()), &earlier));
            }
            renewed = true;
            self.cell.forget(&lease).await;
        }
    }
}

/// One HeadObject with its row. The outer error is the audit's.
pub(crate) async fn head(
    session: &Session,
    s3: &aws_sdk_s3::Client,
    uri: &S3Uri,
) -> Result<std::result::Result<HeadObjectOutput, Failure>> {
    let key = uri.key().as_str();
    let call = s3.head_object().bucket(uri.bucket().as_str()).key(key).checksum_mode(ChecksumMode::Enabled).send();
    let begun = Begun { audit: &session.audit, event: AuditEvent::HeadObject, operation: HEAD_OBJECT, key: Some(key) };
    begun.finish(session, Subject::Object, call, |output| output.request_id().map(str::to_owned), None).await
}

/// One GET of the first byte with its row, its body dropped: tells why a HEAD failed, and proves reading.
pub(crate) async fn first_byte(
    session: &Session,
    s3: &aws_sdk_s3::Client,
    uri: &S3Uri,
) -> Result<std::result::Result<Option<String>, Failure>> {
    let key = uri.key().as_str();
    let call = s3.get_object().bucket(uri.bucket().as_str()).key(key).range("bytes=0-0").send();
    let begun = Begun { audit: &session.audit, event: AuditEvent::GetObject, operation: GET_OBJECT, key: Some(key) };
    let got = begun.finish(session, Subject::Object, call, |output| output.request_id().map(str::to_owned), Some(1));
    Ok(got.await?.map(|output| output.request_id().map(str::to_owned)))
}

/// An attempt about to be made.
pub(crate) struct Begun<'a> {
    pub(crate) audit: &'a AuditScope,
    pub(crate) event: AuditEvent,
    pub(crate) operation: Operation,
    pub(crate) key: Option<&'a str>,
}

impl Begun<'_> {
    /// Makes the call under the first-byte clock and writes its row. The outer error is the audit's.
    pub(crate) async fn finish<T, E>(
        self,
        session: &Session,
        subject: Subject,
        call: impl Future<
            Output = std::result::Result<
                T,
                aws_smithy_runtime_api::client::result::SdkError<
                    E,
                    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
                >,
            >,
        >,
        id_of: impl FnOnce(&T) -> Option<String>,
        bytes: Option<u64>,
    ) -> Result<std::result::Result<T, Failure>>
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let attempt = self.audit.begin(self.event, self.operation, self.key);
        let outcome = match tokio::time::timeout(session.storage.clocks().first_byte, Box::pin(call)).await {
            Ok(outcome) => outcome.map_err(Failure::read),
            Err(_) => Err(Failure::timed_out(WhichClock::FirstByte)),
        };
        match outcome {
            Ok(output) => {
                attempt.succeeded(id_of(&output).as_deref(), bytes).await?;
                Ok(Ok(output))
            }
            Err(failure) => {
                attempt.failed(&failure, subject, session.region()).await?;
                Ok(Err(failure))
            }
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
