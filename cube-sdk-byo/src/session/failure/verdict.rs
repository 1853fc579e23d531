//! What an answer says about the customer's side, and about nothing else.
//!
//! Only what AWS documents as said by the customer's role, bucket, object or key is a verdict, by code and by the denied
//! action that the message names. Everything else is the operator's trouble or nobody's: a grant stays as it was.

use super::{Failure, Stage, Subject, denial};
use crate::code::ByoCode;
use crate::region::Region;

/// What S3 answers for a bucket of another region.
const MOVED: [&str; 4] =
    ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "IncorrectEndpoint"];

/// KMS's own trouble, and that of the session's keys, which say nothing about the key.
const KMS_TROUBLE: [&str; 7] = [
    "KMS.KMSInternalException",
    "KMS.DependencyTimeoutException",
    "KMS.KeyUnavailableException",
    "KMS.LimitExceededException",
    "KMS.UnrecognizedClientException",
    "KMS.ExpiredTokenException",
    "KMS.InvalidClientTokenId",
];

impl Failure {
    /// The typed code, where the answer is a verdict on the customer's side.
    pub(crate) fn verdict(&self, subject: Subject, region: &Region) -> Option<ByoCode> {
        let broken = self.status.is_some_and(|status| status.is_server_error());
        if self.stage != Stage::Refused || broken || self.is_overload() || self.is_expired_session() {
            return None;
        }
        match subject {
            Subject::Caller => None,
            Subject::Role => self.of_role(),
            Subject::Bucket | Subject::Object => self.of_storage(subject, region),
        }
    }

    /// A role that does not exist and one that does not admit look alike to STS; servers other than AWS may tell.
    fn of_role(&self) -> Option<ByoCode> {
        let unknown = self.code_is(&["NoSuchEntity", "NoSuchEntityException"]);
        let refused = self.code_is(&["AccessDenied", "AccessDeniedException"])
            && (self.is_bare() || self.denied_action() == Some("sts:AssumeRole"))
            && !self.denied_on_our_side();
        (unknown || refused).then_some(ByoCode::AssumeRoleFailed)
    }

    /// The policies of the caller's own account and of its network are the operator's.
    fn denied_on_our_side(&self) -> bool {
        let ours = [
            "identity-based policy",
            "service control policy",
            "permissions boundary",
            "session policy",
            "VPC endpoint policy",
        ];
        self.denying_policy().is_some_and(|policy| ours.contains(&policy))
    }

    /// S3 refused what is our own making: the session's own scope, the endpoint that our network goes by, or a request
    /// that was altered or held up on its way, of which S3 says other things than what was denied.
    /// Keys of KMS are not of it: the session names the key that the grant names.
    fn is_of_our_making(&self) -> bool {
        matches!(self.denying_policy(), Some("session policy" | "VPC endpoint policy"))
            || !(self.is_bare() || self.denied_action().is_some())
    }

    /// Refused without a word of why. What says nothing at all is AWS's only by its request id: an answer that was cut
    /// off, or another's, has a code at most.
    fn is_bare(&self) -> bool {
        self.message.as_deref().map_or(self.request_id.is_some(), denial::is_bare)
    }

    fn denying_policy(&self) -> Option<&str> {
        denial::policy(self.message.as_deref()?)
    }

    fn denied_action(&self) -> Option<&str> {
        denial::action(self.message.as_deref()?)
    }

    fn of_storage(&self, subject: Subject, region: &Region) -> Option<ByoCode> {
        if self.is_elsewhere(region) {
            return Some(ByoCode::RegionMismatch);
        }
        if self.is_of_kms() {
            return Some(ByoCode::KmsAccessDenied);
        }
        match self.code.as_deref() {
            Some("AccessDenied") => (!self.is_of_our_making()).then_some(ByoCode::ObjectAccessDenied),
            Some("NoSuchBucket") => Some(ByoCode::BucketGone),
            Some("NoSuchKey" | "NoSuchVersion") => Some(ByoCode::ObjectNotFound),
            Some("PreconditionFailed") => Some(ByoCode::IntegrityMismatch),
            // The SDK's word for a 404 without a body.
            Some("NotFound") | None => self.of_mute_status(subject),
            Some(_) => None,
        }
    }

    /// A HEAD's answer has no body. That S3 gave it shows in its request id: a proxy's page has none.
    fn of_mute_status(&self, subject: Subject) -> Option<ByoCode> {
        self.request_id.as_ref().filter(|_| self.is_mute())?;
        match (self.status?.as_u16(), subject) {
            (403, _) => Some(ByoCode::ObjectAccessDenied),
            (404, Subject::Bucket) => Some(ByoCode::BucketGone),
            (404, _) => Some(ByoCode::ObjectNotFound),
            (412, _) => Some(ByoCode::IntegrityMismatch),
            _ => None,
        }
    }

    /// The bucket lives in another region. Where S3 names the region, that decides.
    fn is_elsewhere(&self, region: &Region) -> bool {
        match self.bucket_region.as_ref() {
            Some(actual) => actual != region && self.status_is(&[301, 307, 400, 403]),
            None => self.code_is(&MOVED) && self.names_other_region(region),
        }
    }

    /// A header may be malformed in other ways than by its region: then the message speaks of those.
    fn names_other_region(&self, region: &Region) -> bool {
        let of_region = |message: &str| message.contains("region") || !self.code_is(&["AuthorizationHeaderMalformed"]);
        match self.expected_region() {
            Some(expected) => expected != *region,
            None => self.message.as_deref().is_none_or(of_region),
        }
    }

    /// `… the region 'us-east-1' is wrong; expecting 'us-west-2'` of AuthorizationHeaderMalformed.
    pub(crate) fn expected_region(&self) -> Option<Region> {
        self.message.as_deref()?.split_once("expecting '")?.1.split('\'').next()?.parse().ok()
    }

    fn is_of_kms(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        if code.starts_with("KMS.") {
            return !KMS_TROUBLE.contains(&code);
        }
        let ciphertext = |message: &str| message.contains("ciphertext refers to a customer master key");
        code == "AccessDenied"
            && (self.denied_action().is_some_and(|action| action.starts_with("kms:"))
                || self.message.as_deref().is_some_and(ciphertext))
    }
}
