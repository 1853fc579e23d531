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

#[test]
fn each_answer_has_its_code() {
    use ByoCode as C;
    use Subject::{Bucket, Object, Role};
    let kms = Some("User: x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:…");
    for (failure, subject, code) in [
        (
            refused(403, Some("AccessDenied"), Some("not authorized to perform: sts:AssumeRole")),
            Role,
            Some(C::AssumeRoleFailed),
        ),
        (refused(403, Some("InvalidClientTokenId"), None), Role, None),
        (refused(404, None, None), Bucket, Some(C::BucketGone)),
        (refused(403, None, None), Bucket, Some(C::ObjectAccessDenied)),
        (refused(301, None, None), Bucket, Some(C::RegionMismatch)),
        (refused(400, Some("AuthorizationHeaderMalformed"), None), Object, Some(C::RegionMismatch)),
        (refused(404, Some("NoSuchBucket"), None), Object, Some(C::BucketGone)),
        (refused(404, Some("NoSuchKey"), None), Object, Some(C::ObjectNotFound)),
        (refused(403, Some("AccessDenied"), None), Object, Some(C::ObjectAccessDenied)),
        (refused(403, Some("AccessDenied"), kms), Object, Some(C::KmsAccessDenied)),
        (refused(400, Some("KMS.DisabledException"), None), Object, Some(C::KmsAccessDenied)),
        (refused(412, Some("PreconditionFailed"), None), Object, Some(C::IntegrityMismatch)),
        (refused(503, Some("SlowDown"), None), Object, None),
        (refused(400, Some("ExpiredToken"), None), Object, None),
        (refused(403, Some("SignatureDoesNotMatch"), None), Object, None),
        (refused(500, Some("InternalError"), None), Object, None),
    ] {
        assert_eq!(failure.byo_code(subject, &region()), code, "{failure:?} {subject:?}");
    }
}

#[test]
fn a_region_header_beats_the_status() {
    let mut failure = refused(403, None, None);
    failure.bucket_region = Some("us-west-2".parse().unwrap());
    assert_eq!(failure.byo_code(Subject::Bucket, &region()), Some(ByoCode::RegionMismatch));
    let error =
        failure.into_error(super::super::HEAD_BUCKET, Subject::Bucket, &region(), "s3://acme", &["FIRST".into()]);
    assert!(error.to_string().contains("us-west-2"), "{error}");
    let mut same = refused(403, None, None);
    same.bucket_region = Some(region());
    assert_eq!(same.byo_code(Subject::Bucket, &region()), Some(ByoCode::ObjectAccessDenied));
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
    assert_eq!(kind(Failure::timed_out(WhichClock::Idle)), ErrorKind::Timeout);
    assert_eq!(kind(Failure::broken_body("gone")), ErrorKind::Transport);
    assert_eq!(kind(Failure::at(Stage::Unconnected)), ErrorKind::Connect);
}
