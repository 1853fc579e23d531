//! The probe against the account double: every code told apart, a line per check.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use cube_sdk_byo::audit::{AuditEvent, AuditOutcome};
use cube_sdk_byo::probe::{CheckName, CheckStatus, ProbeReport};
use cube_sdk_byo::{ByoCode, ByoErrorExt, GrantRef};
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::aws::{Effect, Fault, Object, WrongRegion};
use world::{Account, account};

fn status(report: &ProbeReport, name: CheckName) -> CheckStatus {
    report.check(name).unwrap().status
}

async fn probe(account: &Account, grant: &GrantRef) -> ProbeReport {
    account.storage.probe(grant).await.unwrap()
}

#[tokio::test]
async fn a_good_grant_is_ready_and_reading_is_proved_on_a_known_object_only() {
    let account = account().await;
    let report = probe(&account, &account.grant()).await;
    assert!(report.is_ready(), "{report}");
    for name in [CheckName::AssumeRole, CheckName::Region, CheckName::Bucket, CheckName::List] {
        assert_eq!(status(&report, name), CheckStatus::Passed, "{report}");
    }
    assert_eq!(status(&report, CheckName::Read), CheckStatus::NotChecked);
    assert_eq!(status(&report, CheckName::Decrypt), CheckStatus::NotChecked);
    let key = account.world.card().object_key.as_str();
    let report = account.storage.probe(&account.grant()).sample_key(key).await.unwrap();
    assert_eq!(status(&report, CheckName::Read), CheckStatus::Passed, "{report}");
    assert!(report.to_string().ends_with("ready"), "{report}");
}

#[tokio::test]
async fn each_probe_is_a_row_per_call_that_shares_an_id() {
    let account = account().await;
    let report = probe(&account, &account.grant().with_id("5f0c7c1e-0d0b-4e55-9a53-0b7c7f0d1a01")).await;
    let rows = account.audit.entries();
    assert_eq!(rows.len(), 3, "AssumeRole, HEAD bucket, HEAD key");
    for row in &rows {
        assert_eq!(row.event_type, AuditEvent::VerifyProbe);
        assert_eq!(row.probe_id, Some(report.id.clone()));
        assert!(row.aws_request_id.is_some() && row.run_id.is_none() && row.artifact_id.is_none());
    }
    assert_eq!(rows[2].outcome, AuditOutcome::Error, "404 of the key that does not exist");
    let trail = serde_json::to_string(&account.world.cloudtrail()).unwrap();
    assert!(trail.contains("edgegate-probe-5f0c7c1e"));
}

#[tokio::test]
async fn assume_role_failed() {
    let account = account().await;
    let card = account.world.card();
    for role in [&card.bad_role_arn, &card.drift_role_arn, &"arn:aws:iam::111122223333:role/no-such-role".to_owned()] {
        let report = probe(&account, &account.grant_of(role)).await;
        assert_eq!(report.code(), Some(&ByoCode::AssumeRoleFailed), "{report}");
        assert_eq!(status(&report, CheckName::AssumeRole), CheckStatus::Failed);
        assert_eq!(status(&report, CheckName::Bucket), CheckStatus::NotChecked);
        assert!(!report.failure().unwrap().request_ids.is_empty());
        assert!(report.fix().unwrap().contains("external_id"));
        assert!(report.last_verify_error().unwrap().starts_with("BYO_ASSUME_ROLE_FAILED: "));
    }
}

#[tokio::test]
async fn region_mismatch_names_the_real_region() {
    let account = account().await;
    let card = account.world.card();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
        card.principal_arn
    );
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let role = account.world.put_role("wide", &trust, Some(everything)).unwrap();
    for shape in [WrongRegion::PermanentRedirect, WrongRegion::AuthorizationHeaderMalformed] {
        account.world.set_wrong_region(shape);
        let mut grant = account.grant_of(&role);
        grant.bucket = card.other_region_bucket.parse().unwrap();
        let report = probe(&account, &grant).await;
        assert_eq!(report.code(), Some(&ByoCode::RegionMismatch), "{shape:?}: {report}");
        assert_eq!(report.bucket_region.as_ref().unwrap().as_str(), card.other_region);
        assert!(report.fix().unwrap().contains(&card.other_region));
    }
}

#[tokio::test]
async fn bucket_gone() {
    let account = account().await;
    let mut grant = account.grant();
    grant.bucket = account.world.card().gone_bucket.parse().unwrap();
    let report = probe(&account, &grant).await;
    assert_eq!(report.code(), Some(&ByoCode::BucketGone), "{report}");
}

#[tokio::test]
async fn without_list_bucket_it_passes_with_a_warning_or_fails_when_strict() {
    let account = account().await;
    let grant = account.grant_of(&account.world.card().no_list_role_arn);
    let report = probe(&account, &grant).await;
    assert!(report.is_ready(), "{report}");
    assert_eq!(status(&report, CheckName::List), CheckStatus::Warning);
    assert_eq!(report.check(CheckName::List).unwrap().detail, "list: not granted");
    let strict = account.storage.probe(&grant).strict(true).await.unwrap();
    assert_eq!(strict.code(), Some(&ByoCode::ObjectAccessDenied), "{strict}");
}

#[tokio::test]
async fn a_known_object_tells_denial_key_and_absence_apart() {
    let account = account().await;
    let card = account.world.card();
    let sample = async |role: &str, key: &str| {
        let mut grant = account.grant_of(role);
        grant.kms_key = Some(card.kms_key_arn.parse().unwrap());
        account.storage.probe(&grant).sample_key(key).await.unwrap()
    };
    let denied = sample(&card.role_arn, &card.denied_key).await;
    assert_eq!(denied.code(), Some(&ByoCode::ObjectAccessDenied), "{denied}");
    let kms = sample(&card.role_arn, &card.kms_denied_key).await;
    assert_eq!(kms.code(), Some(&ByoCode::KmsAccessDenied), "{kms}");
    assert_eq!(status(&kms, CheckName::Read), CheckStatus::Passed);
    assert_eq!(status(&kms, CheckName::Decrypt), CheckStatus::Failed);
    // That this one object is gone says nothing about the grant.
    let missing = sample(&card.role_arn, &card.missing_key).await;
    assert!(missing.is_ready(), "{missing}");
    assert_eq!(status(&missing, CheckName::Read), CheckStatus::NotChecked);
    assert_eq!(status(&missing, CheckName::Decrypt), CheckStatus::NotChecked);
    let good = sample(&card.kms_role_arn, &card.kms_denied_key).await;
    assert!(good.is_ready(), "{good}");
    assert_eq!(status(&good, CheckName::Decrypt), CheckStatus::Passed);
}

#[tokio::test]
async fn what_a_get_says_of_nobody_is_not_blamed_on_the_customer_by_the_head_before_it() {
    for (code, message) in [
        ("AccessDenied", "There were headers present in the request which were not signed"),
        (
            "AccessDenied",
            "User: x is not authorized to perform: s3:GetObject on resource: r because no session policy allows the s3:GetObject action",
        ),
        ("InvalidObjectState", "The operation is not valid for the object's storage class"),
        ("AccountProblem", "There is a problem with your AWS account"),
    ] {
        let account = account().await;
        account.world.faults().add(Fault::new(Effect::Bare { status: 403 }).on("HeadObject"));
        let answer = Effect::Answer { status: 403, code: code.into(), message: message.into() };
        account.world.faults().add(Fault::new(answer).on("GetObject"));
        let error = account.storage.probe(&account.grant()).await.unwrap_err();
        assert!(error.byo().is_none() && error.code() == Some(code), "{error}");
    }
}

#[tokio::test]
async fn faults_of_the_moment_say_nothing_about_the_grant() {
    let account = account().await;
    account.world.faults().add(Fault::new(Effect::InternalError).on("HeadBucket").times(2));
    assert!(probe(&account, &account.grant()).await.is_ready(), "two faults are outlived");
    account.world.faults().add(Fault::new(Effect::InternalError).on("HeadBucket"));
    let error = account.storage.probe(&account.grant()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    account.world.faults().clear();
    account.world.faults().add(Fault::new(Effect::DropConnection).on("AssumeRole"));
    let error = account.storage.probe(&account.grant()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    let rows = account.audit.entries();
    assert!(rows.iter().any(|row| row.aws_request_id.is_none() && row.outcome == AuditOutcome::Error));
}

#[tokio::test]
async fn the_state_of_one_object_says_nothing_about_the_grant() {
    let account = account().await;
    let card = account.world.card().clone();
    let plain = Object::generated(30, 1000);
    for (number, object) in [
        plain.clone().storage_class("GLACIER"),
        plain.clone().storage_class("DEEP_ARCHIVE"),
        plain.clone().archive_tier("ARCHIVE_ACCESS"),
        plain.clone().archive_tier("DEEP_ARCHIVE_ACCESS"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("archive/{number}");
        account.world.put_object(&card.bucket, &key, object).unwrap();
        let report = account.storage.probe(&account.grant()).sample_key(key.as_str()).await.unwrap();
        assert!(report.is_ready() && report.code().is_none(), "{report}");
        assert_eq!(status(&report, CheckName::Read), CheckStatus::NotChecked, "{report}");
        assert!(report.check(CheckName::Read).unwrap().detail.contains("InvalidObjectState"), "{report}");
    }
    // What else AWS says of one object: under a customer's own key, a lock of somebody else's, a name it does not take.
    let key: cube_sdk_byo::ObjectKey = card.object_key.parse().unwrap();
    for (status_code, code) in
        [(400, "InvalidRequest"), (404, "NoSuchKey"), (409, "OperationAborted"), (405, "MethodNotAllowed")]
    {
        account.world.faults().clear();
        let answer = Effect::Answer { status: status_code, code: code.into(), message: "of this object".into() };
        account.world.faults().add(Fault::new(answer).on("GetObject").key(card.object_key.clone()));
        let report = account.storage.probe(&account.grant()).sample_key(key.clone()).await.unwrap();
        assert!(report.is_ready(), "{code}: {report}");
        assert_eq!(status(&report, CheckName::Read), CheckStatus::NotChecked, "{code}: {report}");
    }
}
