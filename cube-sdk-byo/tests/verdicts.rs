//! Whom a refusal blames: answers of STS and S3 that a double does not come to by itself, and pages of others, under a
//! probe. A verdict condemns the grant; without one the probe is an error that leaves it as it was.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use cube_sdk_byo::{ByoCode, ByoErrorExt, Scope};
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::aws::{Effect, Fault, Guard};
use world::{Account, account};

const STS: &[&str] = &["AssumeRole"];
const S3: &[&str] = &["HeadBucket", "HeadObject", "GetObject"];
const ROLE: &str = "User: arn:aws:iam::444455556666:user/worker is not authorized to perform: sts:AssumeRole on resource: \
                    arn:aws:iam::111122223333:role/r";
const OBJECT: &str = "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: s3:GetObject on \
                      resource: \"arn:aws:s3:::b/k\"";

fn answer(status: u16, code: &str, message: &str) -> Effect {
    Effect::Answer { status, code: code.to_owned(), message: message.to_owned() }
}

/// What a probe comes to while these operations answer so.
async fn probed(account: &Account, operations: &[&str], effect: &Effect) -> Result<Option<ByoCode>, ErrorKind> {
    account.world.faults().clear();
    for operation in operations {
        account.world.faults().add(Fault::new(effect.clone()).on(*operation));
    }
    let sample = account.world.card().object_key.as_str();
    let report = account.storage.probe(&account.grant()).sample_key(sample).await;
    account.world.faults().clear();
    report.map(|report| report.code().cloned()).map_err(|error| {
        assert!(error.byo().is_none(), "{error}");
        error.kind()
    })
}

#[tokio::test]
async fn sts() {
    use ErrorKind as K;
    let account = account().await;
    let failed = Ok(Some(ByoCode::AssumeRoleFailed));
    for (effect, expected) in [
        (answer(403, "AccessDenied", ROLE), failed.clone()),
        (answer(403, "AccessDenied", "Access denied"), failed.clone()),
        (answer(403, "AccessDenied", "Not authorized to perform sts:AssumeRole"), failed.clone()),
        (
            answer(403, "AccessDenied", &format!("{ROLE} with an explicit deny in the role trust policy")),
            failed.clone(),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!("{ROLE} because no role trust policy allows the sts:AssumeRole action"),
            ),
            failed.clone(),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!(
                    "{ROLE} with an explicit deny in a resource control policy: \
                     arn:aws:organizations::1:policy/o-a/resource_control_policy/p-b"
                ),
            ),
            failed.clone(),
        ),
        // The operator's own policies and network, also with the policy's ARN behind them.
        (
            answer(
                403,
                "AccessDenied",
                &format!(
                    "{ROLE} with an explicit deny in a service control policy: \
                     arn:aws:organizations::1:policy/o-a/service_control_policy/p-b"
                ),
            ),
            Err(K::PermissionDenied),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!(
                    "{ROLE} with an explicit deny in an identity-based policy: arn:aws:iam::444455556666:policy/p"
                ),
            ),
            Err(K::PermissionDenied),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!("{ROLE} because no VPC endpoint policy allows the sts:AssumeRole action"),
            ),
            Err(K::PermissionDenied),
        ),
        (
            answer(403, "AccessDenied", &format!("{ROLE} with an explicit deny in a VPC endpoint policy.")),
            Err(K::PermissionDenied),
        ),
        (answer(403, "AccessDenied", "Roles may not be assumed by root accounts."), Err(K::PermissionDenied)),
        (answer(403, "AccessDenied", &ROLE.replace("sts:AssumeRole", "sts:TagSession")), Err(K::PermissionDenied)),
        (answer(403, "AccessDenied", "blocked by the web filter"), Err(K::PermissionDenied)),
        (answer(400, "MalformedPolicyDocument", "Syntax errors in policy."), Err(K::InvalidInput)),
        (answer(400, "PackedPolicyTooLarge", "Packed size of session policy consumes 112%"), Err(K::InvalidInput)),
        (answer(400, "ValidationError", "1 validation error detected"), Err(K::InvalidInput)),
        (
            answer(403, "ExpiredTokenException", "The security token included in the request is expired"),
            Err(K::Unauthenticated),
        ),
        (
            answer(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
            Err(K::Unauthenticated),
        ),
        (answer(403, "SignatureDoesNotMatch", "Signature expired"), Err(K::Unauthenticated)),
        (answer(403, "MissingAuthenticationToken", "Request is missing Authentication Token"), Err(K::Unauthenticated)),
        (
            answer(403, "OptInRequired", "The AWS Access Key Id needs a subscription for the service"),
            Err(K::Unauthenticated),
        ),
        (answer(400, "RequestExpired", "Request has expired"), Err(K::Unauthenticated)),
        (answer(403, "RegionDisabledException", "STS is not activated in this region"), Err(K::Config)),
        (answer(400, "IDPCommunicationError", "Couldn't communicate with the identity provider"), Err(K::Unavailable)),
        (answer(400, "Throttling", "Rate exceeded"), Err(K::Throttled)),
        (answer(400, "RequestThrottled", "Rate exceeded"), Err(K::Throttled)),
        (answer(500, "InternalFailure", "An internal failure occurred."), Err(K::Server)),
        (answer(503, "ServiceUnavailable", "down"), Err(K::Unavailable)),
        // A word of a refusal under the status of a broken server.
        (answer(502, "AccessDenied", "Access denied"), Err(K::Unavailable)),
    ] {
        assert_eq!(probed(&account, STS, &effect).await, expected, "{effect:?}");
    }
}

#[tokio::test]
async fn pages_of_others_blame_nobody() {
    let account = account().await;
    for operations in [STS, S3] {
        for (content_type, body) in [
            ("text/html", "<html><body><h1>403 Forbidden</h1>AccessDenied</body></html>"),
            ("application/json", r#"{"code":"AccessDenied","message":"Access denied"}"#),
            ("application/xml", "<Error><Code>AccessDenied"),
            ("text/plain", "Access denied"),
            ("text/plain", ""),
        ] {
            for status in [400, 401, 403, 404, 405, 409, 418, 451, 500, 502, 503, 504, 511] {
                let page = Effect::Page { status, content_type: content_type.to_owned(), body: body.to_owned() };
                let verdict = probed(&account, operations, &page).await;
                assert!(verdict.is_err(), "{operations:?} {page:?}: {verdict:?}");
            }
        }
    }
}

/// What a read comes to while S3 answers so.
async fn read(account: &Account, effect: &Effect) -> Result<Option<ByoCode>, ErrorKind> {
    account.world.faults().clear();
    account.world.faults().add(Fault::new(effect.clone()).on("GetObject"));
    let error = account.session().open(account.uri(&account.world.card().object_key)).await.unwrap_err();
    error.byo().map(|fault| Some(fault.code().clone())).ok_or(error.kind())
}

#[tokio::test]
async fn s3() {
    use ErrorKind as K;
    let account = account().await;
    let denied = Ok(Some(ByoCode::ObjectAccessDenied));
    let kms = Ok(Some(ByoCode::KmsAccessDenied));
    let moved = Ok(Some(ByoCode::RegionMismatch));
    let own = "arn:aws:kms:eu-central-1:111122223333:key/k";
    for (effect, expected) in [
        (answer(403, "AccessDenied", "Access Denied"), denied.clone()),
        (answer(403, "AccessDenied", "Access Denied."), denied.clone()),
        (
            answer(403, "AccessDenied", &format!("{OBJECT} with an explicit deny in a resource-based policy")),
            denied.clone(),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!(
                    "{OBJECT} with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o/p"
                ),
            ),
            denied.clone(),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!("{OBJECT} because no VPC endpoint policy allows the s3:GetObject action"),
            ),
            Err(K::PermissionDenied),
        ),
        (
            answer(
                403,
                "AccessDenied",
                &format!("{OBJECT} with an explicit deny in a session policy: arn:aws:iam::1:policy/p"),
            ),
            Err(K::PermissionDenied),
        ),
        (answer(403, "AccessDenied", "Request has expired"), Err(K::PermissionDenied)),
        (
            answer(403, "AccessDenied", "There were headers present in the request which were not signed"),
            Err(K::PermissionDenied),
        ),
        (answer(403, "AccessDenied", "Anonymous access is forbidden for this operation"), Err(K::PermissionDenied)),
        (answer(403, "AllAccessDisabled", "All access to this object has been disabled"), Err(K::PermissionDenied)),
        (answer(403, "AccountProblem", "There is a problem with your AWS account"), Err(K::PermissionDenied)),
        (answer(403, "NotSignedUp", "Your account is not signed up for the S3 service"), Err(K::Unauthenticated)),
        (answer(403, "InvalidAccessKeyId", "does not exist in our records"), Err(K::Unauthenticated)),
        (answer(403, "RequestTimeTooSkewed", "too large"), Err(K::Unauthenticated)),
        (answer(400, "InvalidToken", "malformed"), Err(K::Unauthenticated)),
        (answer(400, "InvalidArgument", "Argument"), Err(K::InvalidInput)),
        (answer(409, "OperationAborted", "A conflicting conditional operation"), Err(K::Conflict)),
        (answer(501, "NotImplemented", "not implemented"), Err(K::Unsupported)),
        (answer(503, "SlowDown", "Please reduce your request rate."), Err(K::Throttled)),
        (answer(400, "KMS.RequestLimitExceeded", "rate"), Err(K::Throttled)),
        (answer(400, "KMS.ThrottlingException", "rate"), Err(K::Throttled)),
        (answer(500, "KMS.KMSInternalException", "internal"), Err(K::Server)),
        (answer(500, "KMS.KeyUnavailableException", "not available"), Err(K::Server)),
        (answer(500, "KMS.DisabledException", "under the status of a broken server"), Err(K::Server)),
        (answer(400, "KMS.UnrecognizedClientException", "token"), Err(K::InvalidInput)),
        (answer(400, "KMS.DisabledException", own), kms.clone()),
        (answer(400, "KMS.NotFoundException", own), kms.clone()),
        (answer(400, "KMS.InvalidKeyUsageException", own), kms.clone()),
        (answer(400, "KMS.KMSInvalidStateException", own), kms.clone()),
        (
            answer(
                403,
                "AccessDenied",
                "User: u is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because \
                 the resource does not exist in this Region, no resource-based policies allow access, or a resource-based \
                 policy explicitly denies access",
            ),
            kms.clone(),
        ),
        (answer(301, "PermanentRedirect", "must be addressed using the specified endpoint"), moved.clone()),
        (answer(400, "IncorrectEndpoint", "The specified bucket exists in another Region."), moved.clone()),
        (
            answer(400, "IllegalLocationConstraintException", "is incompatible for the region specific endpoint"),
            moved.clone(),
        ),
        (
            answer(
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the region 'eu-central-1' is wrong; expecting 'us-west-2'",
            ),
            moved.clone(),
        ),
        (
            answer(
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; a non-empty Access Key (AKID) must be provided in the credential.",
            ),
            Err(K::InvalidInput),
        ),
        (
            answer(
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; incorrect service \"sts\". This endpoint belongs to \"s3\".",
            ),
            Err(K::InvalidInput),
        ),
    ] {
        assert_eq!(read(&account, &effect).await, expected, "{effect:?}");
    }
}

/// The same by the double's own decision: the endpoint that our network goes by.
#[tokio::test]
async fn an_endpoint_of_our_own_network_condemns_no_grant() {
    let account = account().await;
    for (action, words) in [("sts:*", "sts:AssumeRole"), ("s3:*", "s3:")] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","NotAction":"{action}","Resource":"*"}}]}}"#
        );
        account.world.set_guard(Guard::VpcEndpoint, Some(&policy)).unwrap();
        let storage = account.storage.clone();
        let error = storage.fresh_session(&account.grant(), Scope::Bucket).inspect(account.uri("k")).await.unwrap_err();
        assert!(error.byo().is_none() && error.to_string().contains(words), "{error}");
        let sample = account.world.card().object_key.as_str();
        // A HEAD cannot say why, and one object's trouble is none of the grant's: no verdict either way.
        match storage.probe(&account.grant()).sample_key(sample).await {
            Ok(report) => assert!(report.code().is_none() && action == "s3:*", "{report}"),
            Err(error) => {
                assert!(error.byo().is_none() && error.to_string().contains("VPC endpoint policy"), "{error}");
            }
        }
        account.world.set_guard(Guard::VpcEndpoint, None).unwrap();
    }
    assert!(account.storage.probe(&account.grant()).await.unwrap().is_ready());
}
