//! What an answer says about the customer's side, and about nothing else.
//!
//! Only what AWS documents as said by the customer's role, bucket, object or key is a verdict, by code and by the denied
//! action that the message names. Everything else is the operator's trouble or nobody's: a grant stays as it was.

use super::{Failure, Stage, Subject};
use crate::code::ByoCode;
use crate::region::Region;

/// What S3 answers for a bucket of another region.
const MOVED: [&str; 3] = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/// KMS's own trouble, which says nothing about the key.
const KMS_TROUBLE: [&str; 4] = [
    "KMS.ThrottlingException",
    "KMS.KMSInternalException",
    "KMS.DependencyTimeoutException",
    "KMS.LimitExceededException",
];

impl Failure {
    /// The typed code, where the answer is a verdict on the customer's side.
    pub(crate) fn verdict(&self, subject: Subject, region: &Region) -> Option<ByoCode> {
        if self.stage != Stage::Refused || self.is_overload() || self.is_expired_session() {
            return None;
        }
        match subject {
            Subject::Role => self.of_role(),
            Subject::Bucket | Subject::Object => self.of_storage(subject, region),
        }
    }

    /// A role that does not exist and one that does not admit look alike to STS; servers other than AWS may tell.
    fn of_role(&self) -> Option<ByoCode> {
        let unknown = self.code_is(&["NoSuchEntity", "NoSuchEntityException"]);
        let refused = self.code_is(&["AccessDenied", "AccessDeniedException"])
            && self.denied_action().is_none_or(|action| action == "sts:AssumeRole")
            && !self.denied_on_our_side();
        (unknown || refused).then_some(ByoCode::AssumeRoleFailed)
    }

    /// The policies of the caller's own account are the operator's.
    fn denied_on_our_side(&self) -> bool {
        let ours = ["identity-based policy", "service control policy", "permissions boundary", "session policy"];
        self.denying_policy().is_some_and(|policy| ours.contains(&policy))
    }

    /// S3 refused what is our own making: the session's own scope, or a signature that was lost or altered on its way.
    /// Keys of KMS are not of it: the session names the key that the grant names.
    fn is_of_our_making(&self) -> bool {
        const SIGNING: [&str; 4] = [
            "headers present in the request which were not signed",
            "requires a valid Date or x-amz-date header",
            "require AWS Signature Version 4",
            "Query-string authentication",
        ];
        self.denying_policy() == Some("session policy")
            || self.message.as_deref().is_some_and(|message| SIGNING.iter().any(|words| message.contains(words)))
    }

    /// The policy that the message ends with: `… because no session policy allows the s3:GetObject action` or `… with
    /// an explicit deny in a session policy`. What a key's name says stands before it.
    fn denying_policy(&self) -> Option<&str> {
        let message = self.message.as_deref()?.trim_end_matches('.');
        let silent = message.rsplit_once(" because no ").and_then(|(_, end)| end.split_once(" allows the "));
        let explicit = message.rsplit_once(" with an explicit deny in a").map(|(_, end)| end.trim_start_matches("n "));
        silent.map(|(policy, _)| policy).or(explicit).map(str::trim)
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
            None => self.code_is(&MOVED) && self.expected_region().is_none_or(|expected| expected != *region),
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

    /// The action that the message says was denied: `… is not authorized to perform: s3:GetObject on resource: …`.
    fn denied_action(&self) -> Option<&str> {
        let (_, rest) = self.message.as_deref()?.split_once("not authorized to perform")?;
        let action = rest.trim_start_matches(':').split_whitespace().next()?;
        Some(action.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*')).filter(|action| !action.is_empty())
    }
}
