#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn refused(status: u16, code: Option<&str>, message: Option<&str>) -> Failure {
    let mut failure = Failure::at(Stage::Refused);
    failure.status = StatusCode::from_u16(status).ok();
    failure.code = code.map(str::to_owned);
    failure.message = message.map(str::to_owned);
    failure
}

fn region() -> Region {
    "eu-central-1".parse().unwrap()
}

/// What S3 answers to a HEAD.
fn mute(status: u16) -> Failure {
    Failure { request_id: Some("4Z1X0E9RFQ2T7K5M".into()), ..refused(status, None, None) }
}

fn at(region: &str, failure: Failure) -> Failure {
    Failure { bucket_region: Some(region.parse().unwrap()), ..failure }
}

#[test]
fn verdicts_are_what_aws_documents_of_the_customers_side() {
    use ByoCode as C;
    use Subject::{Bucket, Object, Role};
    let denied = |action: &str| {
        format!("User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: {action} on resource: x")
    };
    let by = |code: &str, message: &str| refused(403, Some(code), Some(message));
    for (failure, subject, code) in [
        (by("AccessDenied", &denied("sts:AssumeRole")), Role, C::AssumeRoleFailed),
        (by("AccessDenied", "Access denied"), Role, C::AssumeRoleFailed),
        (refused(404, Some("NoSuchEntity"), Some("The role cannot be found.")), Role, C::AssumeRoleFailed),
        (mute(404), Bucket, C::BucketGone),
        (mute(403), Bucket, C::ObjectAccessDenied),
        (mute(404), Object, C::ObjectNotFound),
        (refused(400, Some("AuthorizationHeaderMalformed"), None), Object, C::RegionMismatch),
        (refused(301, Some("PermanentRedirect"), None), Object, C::RegionMismatch),
        (at("us-west-2", mute(400)), Bucket, C::RegionMismatch),
        (at("us-west-2", mute(403)), Bucket, C::RegionMismatch),
        (at("us-west-2", refused(307, Some("TemporaryRedirect"), None)), Object, C::RegionMismatch),
        (refused(404, Some("NoSuchBucket"), None), Object, C::BucketGone),
        (refused(404, Some("NoSuchKey"), None), Object, C::ObjectNotFound),
        (by("AccessDenied", "Access Denied"), Object, C::ObjectAccessDenied),
        // The key's name is in the message, and is no action.
        (
            by("AccessDenied", &(denied("s3:GetObject") + "/aws kms:Decrypt with an explicit deny")),
            Object,
            C::ObjectAccessDenied,
        ),
        (by("AccessDenied", &denied("kms:Decrypt")), Object, C::KmsAccessDenied),
        (
            by(
                "AccessDenied",
                "The ciphertext refers to a customer master key that does not exist, or you may not access it",
            ),
            Object,
            C::KmsAccessDenied,
        ),
        (refused(400, Some("KMS.DisabledException"), None), Object, C::KmsAccessDenied),
        (refused(400, Some("KMS.KMSInvalidStateException"), None), Object, C::KmsAccessDenied),
        (refused(412, Some("PreconditionFailed"), None), Object, C::IntegrityMismatch),
        // A key that reads like the end of a message, before the real one.
        (
            by(
                "AccessDenied",
                &(denied("s3:GetObject")
                    + "/a because no session policy allows the x action because no identity-based policy allows the \
                       s3:GetObject action"),
            ),
            Object,
            C::ObjectAccessDenied,
        ),
        (
            by("AccessDenied", &(denied("s3:GetObject") + " with an explicit deny in a service control policy")),
            Object,
            C::ObjectAccessDenied,
        ),
        (
            by("AccessDenied", &(denied("s3:GetObject") + " with an explicit deny in an identity-based policy")),
            Object,
            C::ObjectAccessDenied,
        ),
        // The grant names another key than the object's.
        (
            by("AccessDenied", &(denied("kms:Decrypt") + " because no session policy allows the kms:Decrypt action")),
            Object,
            C::KmsAccessDenied,
        ),
        // The customer's own policies of the role's trust.
        (
            by("AccessDenied", &(denied("sts:AssumeRole") + " with an explicit deny in a resource-based policy")),
            Role,
            C::AssumeRoleFailed,
        ),
    ] {
        assert_eq!(failure.verdict(subject, &region()), Some(code), "{failure:?} {subject:?}");
    }
}

#[test]
fn everything_else_is_no_verdict() {
    use Subject::{Bucket, Object, Role};
    let ours = "User: arn:aws:iam::4:user/worker is not authorized to perform: sts:AssumeRole on resource: r because no \
                identity-based policy allows the sts:AssumeRole action";
    for (failure, subject) in [
        (refused(403, Some("RegionDisabledException"), Some("STS is not activated in this region")), Role),
        (refused(400, Some("MalformedPolicyDocument"), Some("invalid")), Role),
        (refused(400, Some("PackedPolicyTooLarge"), Some("too large")), Role),
        (refused(400, Some("ValidationError"), Some("1 validation error detected")), Role),
        (refused(403, Some("InvalidClientTokenId"), Some("The security token is invalid")), Role),
        (refused(403, Some("SignatureDoesNotMatch"), None), Role),
        (refused(403, Some("ExpiredTokenException"), None), Role),
        (refused(400, Some("Throttling"), Some("Rate exceeded")), Role),
        (refused(403, Some("AccessDenied"), Some(ours)), Role),
        (refused(403, None, None), Role),
        (mute(403), Role),
        (
            refused(
                403,
                Some("AccessDenied"),
                Some("User: x is not authorized to perform: sts:TagSession on resource: r"),
            ),
            Role,
        ),
        (
            refused(
                403,
                Some("AccessDenied"),
                Some(
                    "User: x is not authorized to perform: sts:AssumeRole on resource: r with an explicit deny in an identity-based policy",
                ),
            ),
            Role,
        ),
        // The session's own scope, and signatures that were lost on their way.
        (
            refused(
                403,
                Some("AccessDenied"),
                Some(
                    "User: x is not authorized to perform: s3:GetObject on resource: r because no session policy allows the s3:GetObject action",
                ),
            ),
            Object,
        ),
        (
            refused(
                403,
                Some("AccessDenied"),
                Some(
                    "User: x is not authorized to perform: s3:ListBucket on resource: r with an explicit deny in a session policy",
                ),
            ),
            Bucket,
        ),
        (
            refused(403, Some("AccessDenied"), Some("There were headers present in the request which were not signed")),
            Object,
        ),
        (
            refused(403, Some("AccessDenied"), Some("AWS authentication requires a valid Date or x-amz-date header")),
            Object,
        ),
        // A proxy's page.
        (refused(403, None, None), Bucket),
        (refused(404, None, None), Object),
        (refused(403, None, Some("<html>")), Object),
        (mute(401), Object),
        (
            refused(403, Some("InvalidObjectState"), Some("The operation is not valid for the object's storage class")),
            Object,
        ),
        (refused(403, Some("AccountProblem"), None), Object),
        (refused(403, Some("AllAccessDisabled"), None), Object),
        (refused(403, Some("SignatureDoesNotMatch"), None), Object),
        (refused(403, Some("RequestTimeTooSkewed"), None), Object),
        (refused(400, Some("KMS.ThrottlingException"), None), Object),
        (refused(503, Some("SlowDown"), None), Object),
        (refused(503, None, None), Object),
        (refused(500, Some("InternalError"), None), Object),
        (refused(400, Some("ExpiredToken"), None), Object),
        (at("eu-central-1", refused(307, Some("TemporaryRedirect"), None)), Object),
        (at("eu-central-1", mute(307)), Bucket),
        (mute(301), Bucket),
    ] {
        assert_eq!(failure.verdict(subject, &region()), None, "{failure:?} {subject:?}");
    }
}

#[test]
fn a_region_header_beats_the_status() {
    let failure = at("us-west-2", mute(403));
    let error =
        failure.into_error(super::super::HEAD_BUCKET, Subject::Bucket, &region(), "s3://acme", &["FIRST".into()]);
    assert!(error.to_string().contains("us-west-2"), "{error}");
    assert_eq!(at("eu-central-1", mute(403)).verdict(Subject::Bucket, &region()), Some(ByoCode::ObjectAccessDenied));
}

#[test]
fn the_row_says_denied_for_what_policy_refused() {
    let outcome = |failure: &Failure| failure.outcome(failure.verdict(Subject::Object, &region()).as_ref());
    assert_eq!(outcome(&mute(403)), AuditOutcome::Denied);
    assert_eq!(outcome(&refused(403, Some("InvalidObjectState"), None)), AuditOutcome::Error);
    assert_eq!(outcome(&refused(404, Some("NoSuchKey"), None)), AuditOutcome::Error);
    let ours = refused(403, Some("AccessDenied"), Some("no identity-based policy allows it"));
    assert_eq!(ours.outcome(ours.verdict(Subject::Role, &region()).as_ref()), AuditOutcome::Denied);
}

#[test]
fn kinds_decide_what_is_repeated() {
    let kind =
        |failure: Failure| failure.into_error(super::super::GET_OBJECT, Subject::Object, &region(), "x", &[]).kind();
    assert_eq!(kind(refused(503, Some("SlowDown"), None)), ErrorKind::Throttled);
    assert_eq!(kind(refused(503, Some("ServiceUnavailable"), None)), ErrorKind::Unavailable);
    assert_eq!(kind(refused(500, Some("InternalError"), None)), ErrorKind::Server);
    assert_eq!(kind(refused(400, Some("ExpiredToken"), None)), ErrorKind::Unauthenticated);
    assert_eq!(kind(refused(400, Some("RequestTimeout"), None)), ErrorKind::Timeout);
    assert_eq!(kind(refused(403, Some("InvalidObjectState"), None)), ErrorKind::InvalidInput);
    assert_eq!(kind(refused(403, Some("RegionDisabledException"), None)), ErrorKind::Config);
    assert_eq!(kind(refused(307, Some("TemporaryRedirect"), None)), ErrorKind::Unavailable);
    assert_eq!(kind(Failure::timed_out(WhichClock::Idle)), ErrorKind::Timeout);
    assert_eq!(kind(Failure::broken_body("gone")), ErrorKind::Transport);
    assert_eq!(kind(Failure::at(Stage::Unconnected)), ErrorKind::Connect);
}

#[test]
fn aws_is_quoted_word_for_word_and_a_secret_in_anothers_words_is_not() {
    for said in [
        "User: arn:aws:sts::111122223333:assumed-role/edgegate-byo-read/edgegate-1 is not authorized to perform: \
         s3:GetObject on resource: \"arn:aws:s3:::acme/secret-models/token.onnx\" because no identity-based policy allows \
         the s3:GetObject action",
        "User: arn:aws:iam::444455556666:user/edgegate-worker is not authorized to perform: kms:Decrypt on resource: \
         arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab with an explicit deny in a \
         resource-based policy",
        "The security token included in the request is invalid.",
        "The provided token has expired.",
        "The AWS Access Key Id you provided does not exist in our records.",
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'",
        "Please reduce your request rate.",
        "Packed size of session policy consumes 112% of allotted space.",
    ] {
        assert_eq!(refused(403, None, Some(said)).words().unwrap(), said);
    }
    for said in ["see https://u:canary@proxy/login?x=canary", "password=canary", "X-Key: a\nset token=canary"] {
        let words = refused(403, Some("AccessDenied"), Some(said)).words().unwrap();
        assert!(!words.contains("canary") && !words.contains('\n') && words.starts_with("AccessDenied: "), "{words}");
    }
}
