//! Sessions against the account double: cached, renewed, limited, revoked, and never shown.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use std::time::Duration;

use cube_sdk_byo::audit::{AuditEvent, CloudTrail, reconcile};
use cube_sdk_byo::{ByoCode, ByoErrorExt, Scope, Storage};
use cube_sdk_core::{ErrorKind, SecretString};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use world::{KEY, account, account_with};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn sessions_of_one_grant_and_scope_share_one_assume_role() {
    let account = account().await;
    let sessions: Vec<_> = (0..20).map(|_| account.session()).collect();
    let connected = futures_util::future::join_all(sessions.iter().map(|session| session.connect())).await;
    assert!(connected.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(account.world.traffic().served("AssumeRole"), 1, "single flight");
    account.storage.session(&account.grant(), Scope::Object(KEY.parse().unwrap())).connect().await.unwrap();
    assert_eq!(account.world.traffic().served("AssumeRole"), 2, "another scope");
    let mut other = account.grant();
    other.external_id = "11111111-93e1-4f0a-b1d8-6a1e5d2f7c90".parse().unwrap();
    account.storage.session(&other, Scope::Bucket).connect().await.unwrap();
    assert_eq!(account.world.traffic().served("AssumeRole"), 3, "another External ID");
    account.storage.fresh_session(&account.grant(), Scope::Bucket).connect().await.unwrap();
    assert_eq!(account.world.traffic().served("AssumeRole"), 4, "never from the cache");
}

#[tokio::test]
async fn the_session_policy_limits_reading_to_the_scope() {
    let account = account().await;
    let uri = account.put(Object::generated(1, 1000));
    let session = account.storage.session(&account.grant(), Scope::Object(KEY.parse().unwrap()));
    assert_eq!(session.inspect(&uri).await.unwrap().size, 1000);
    let other = account.uri(&account.world.card().object_key);
    let error = session.inspect(&other).await.unwrap_err();
    // The scope is our own: no verdict on the customer's side.
    assert_eq!((error.kind(), error.code()), (ErrorKind::PermissionDenied, Some("AccessDenied")), "{error}");
    assert!(error.byo().is_none() && error.to_string().contains("no session policy allows"), "{error}");
}

#[tokio::test]
async fn inspect_tells_size_etag_and_checksum_and_every_code() {
    let account = account().await;
    let card = account.world.card();
    let info = account.session().inspect(&account.uri(&card.object_key)).await.unwrap();
    assert_eq!(info.size, card.object_size);
    assert_eq!(info.sha256.unwrap().to_string(), card.object_sha256);
    assert!(!info.etag.is_empty() && info.request_id.is_some());
    for (key, code) in [
        (&card.missing_key, ByoCode::ObjectNotFound),
        (&card.denied_key, ByoCode::ObjectAccessDenied),
        (&card.kms_denied_key, ByoCode::KmsAccessDenied),
    ] {
        let error = account.session().inspect(&account.uri(key)).await.unwrap_err();
        assert_eq!(error.byo().unwrap().code(), &code, "{error}");
        assert_eq!(error.byo().unwrap().request_ids().len(), 2, "the HEAD's and the classifying GET's");
    }
    let heads = account.audit.entries().into_iter().filter(|row| row.event_type == AuditEvent::HeadObject).count();
    assert_eq!(heads as u64, account.world.traffic().served("HeadObject"));
}

#[tokio::test]
async fn an_expired_session_is_renewed_in_the_middle_of_a_read() {
    let account = account().await;
    let object = Object::generated(2, 8 * MIB);
    let uri = account.put(object.clone());
    account.world.faults().add(Fault::new(Effect::ExpireSessions).on("GetObject").nth(4));
    let mut reader = account.session().open(uri).part_size(MIB).concurrency(2).await.unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert!(all == object.read(0..u64::MAX));
    assert!(account.world.traffic().served("AssumeRole") >= 2);
}

#[tokio::test]
async fn a_short_session_is_renewed_before_it_ends() {
    let world = AwsWorld::builder().short_sessions();
    let account = account_with(world, |storage| storage.session_duration(Duration::from_secs(1))).await;
    let session = account.session();
    session.connect().await.unwrap();
    session.connect().await.unwrap();
    let early = account.world.traffic().served("AssumeRole");
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(90)).await;
        session.connect().await.unwrap();
    }
    assert!(account.world.traffic().served("AssumeRole") > early);
}

#[tokio::test]
async fn own_keys_read_without_a_role() {
    let account = account().await;
    let card = account.world.card();
    let object = Object::generated(3, 2 * MIB);
    let uri = account.put(object.clone());
    let storage = Storage::builder()
        .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
        .endpoint_url(account.world.endpoint_url().parse().unwrap())
        .build()
        .unwrap();
    let session = storage.own_session(&card.bucket, &card.region).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = session.open(uri).read_to_file(folder.path().join("f")).await.unwrap();
    assert_eq!(report.sha256.to_string(), object.sha256());
    assert_eq!(account.world.traffic().served("AssumeRole"), 0);
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_there() {
    let storage = Storage::builder()
        .keys("AKIAEXAMPLE", SecretString::from("secret"), None)
        .endpoint_url("http://127.0.0.1:1".parse().unwrap())
        .retrier(cube_sdk_core::retry::Retrier::never())
        .build()
        .unwrap();
    let session = storage.own_session("abc", "us-east-1").unwrap();
    let error = session.open("s3://abc/k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("sent: no"), "{error}");
}

#[tokio::test]
async fn every_row_has_its_record_in_cloudtrail() {
    let account = account().await;
    let uri = account.put(Object::generated(4, 5 * MIB));
    account.storage.probe(&account.grant()).await.unwrap();
    account.session().inspect(&uri).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    account.session().open(uri).read_to_file(folder.path().join("f")).await.unwrap();
    account.world.write_cloudtrail(folder.path(), true).unwrap();
    let mut trail = CloudTrail::new();
    trail.add_path(folder.path()).unwrap();
    let card = account.world.card();
    let records = trail.records_of(Some(&card.role_arn), &card.bucket);
    let found = reconcile(&account.audit.entries(), &records, Duration::from_secs(60));
    assert!(found.is_clean(), "{found:?}");
    assert_eq!(found.matched.len(), account.audit.entries().len());
    assert!(found.without_request_id.is_empty());
}

#[tokio::test]
async fn keys_are_never_shown() {
    let account = account().await;
    let uri = account.put(Object::generated(5, 4 * MIB));
    let session = account.session();
    let mut shown = format!("{:?} {:?} {:?}", account.storage, session, session.open(uri.clone()).await.unwrap());
    for effect in [Effect::DropConnection, Effect::InternalError, Effect::SlowDown { retry_after: None }] {
        account.world.faults().clear();
        account.world.faults().add(Fault::new(effect));
        for error in [
            session.open(uri.clone()).await.err(),
            session.inspect(&uri).await.err(),
            account.storage.probe(&account.grant()).await.err(),
        ] {
            let error = error.expect("everything fails");
            let mut link: Option<&dyn std::error::Error> = Some(&error);
            shown += &format!("{error} {error:?}");
            while let Some(cause) = link {
                shown += &format!("{cause} {cause:?}");
                link = cause.source();
            }
        }
    }
    shown += &serde_json::to_string(&account.audit.entries()).unwrap();
    use cube_sdk_core::secret::ExposeSecret;
    assert!(!shown.contains(account.world.card().worker.secret_access_key.expose_secret()));
    let sts = account.world.cloudtrail();
    let issued = serde_json::to_string(&sts).unwrap();
    assert!(issued.contains("AssumeRole"));
    // Session keys of the double start with ASIA; tokens travel in this header.
    assert!(!shown.contains("ASIA"), "a session's key id is shown");
    assert!(!shown.to_lowercase().contains("x-amz-security-token"), "a session's token is shown");
}

#[tokio::test]
async fn a_denied_role_is_asked_once_for_all_who_wait() {
    let account = account().await;
    let uri = account.put(Object::generated(6, 1000));
    let denied = account.grant_of(&account.world.card().bad_role_arn);
    // As fresh sessions for each, as clones of one, by every call that needs it.
    let session = account.storage.session(&denied, Scope::Bucket);
    let opens = (0..40).map(|n| {
        let session = if n % 2 == 0 { session.clone() } else { account.storage.session(&denied, Scope::Bucket) };
        let uri = uri.clone();
        async move {
            match n % 4 {
                0 | 1 => session.open(uri).await.map(drop),
                2 => session.inspect(&uri).await.map(drop),
                _ => session.connect().await,
            }
        }
    });
    for outcome in futures_util::future::join_all(opens).await {
        assert_eq!(outcome.unwrap_err().byo().unwrap().code(), &ByoCode::AssumeRoleFailed);
    }
    assert_eq!(account.world.traffic().served("AssumeRole"), 1);
    let rows = account.audit.entries();
    assert_eq!(rows.len(), 1, "one call, one row: {rows:?}");
}

#[tokio::test]
async fn a_denied_call_with_own_keys_speaks_of_no_role() {
    let account = account().await;
    let (card, uri) = (account.world.card(), account.put(Object::generated(7, 1000)));
    // The worker's own keys have no right in the customer's bucket.
    let own = account.storage.own_session(&card.bucket, &card.region).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for error in [
        own.open(uri.clone()).await.unwrap_err(),
        own.inspect(&uri).await.unwrap_err(),
        own.open(uri.clone()).read_to_file(folder.path().join("f")).await.unwrap_err(),
        own.open(uri.clone()).read_ranges(&[0..9]).await.unwrap_err(),
        own.open(uri.clone()).verify_stored_checksum().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        let text = format!("{error}").to_lowercase();
        assert!(!text.contains("assumed") && !text.contains("assume"), "{text}");
    }
    assert_eq!(account.world.traffic().served("AssumeRole"), 0);
}
