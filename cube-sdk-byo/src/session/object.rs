//! Single calls on one object or the bucket.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_bucket::HeadBucketOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use cube_sdk_core::retry::Attempt;

use super::attempt::{Told, of};
use super::lease::Lease;
use super::{GET_OBJECT, HEAD_BUCKET, HEAD_OBJECT, Session};
use crate::s3_uri::ObjectKey;

impl Session {
    /// One HeadBucket.
    pub(crate) async fn head_bucket(&self, attempt: &Attempt, lease: &Lease) -> Told<HeadBucketOutput> {
        let call = lease.s3.head_bucket().bucket(self.bucket.as_str()).customize().mutate_request(of(attempt)).send();
        Ok(self.attempt(HEAD_BUCKET, None, |_| None, call).await?.map(|(output, _)| output))
    }

    /// One HeadObject, checksums included.
    pub(crate) async fn head(&self, attempt: &Attempt, lease: &Lease, key: &ObjectKey) -> Told<HeadObjectOutput> {
        let call = lease.s3.head_object().bucket(self.bucket.as_str()).key(key.as_str());
        let call = call.checksum_mode(ChecksumMode::Enabled).customize().mutate_request(of(attempt)).send();
        Ok(self.attempt(HEAD_OBJECT, Some(key), |_| None, call).await?.map(|(output, _)| output))
    }

    /// One GET of the first byte, its body dropped: tells why a HEAD failed, and proves reading.
    pub(crate) async fn first_byte(&self, attempt: &Attempt, lease: &Lease, key: &ObjectKey) -> Told<GetObjectOutput> {
        let call = lease.s3.get_object().bucket(self.bucket.as_str()).key(key.as_str()).range("bytes=0-0");
        let call = call.customize().mutate_request(of(attempt)).send();
        Ok(self.attempt(GET_OBJECT, Some(key), promised, call).await?.map(|(output, _)| output))
    }
}

/// The length of the body that an answer promises.
pub(crate) fn promised(output: &GetObjectOutput) -> Option<u64> {
    output.content_length().and_then(|length| u64::try_from(length).ok())
}
