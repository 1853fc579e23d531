//! A session as an `ObjectStore`: its rows, its faults, and that it writes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use std::collections::BTreeSet;

use cube_sdk_byo::audit::{AuditEvent, AuditOutcome};
use cube_sdk_byo::{ByoCode, ByoErrorExt, GrantRef, Scope, SessionStore};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::{StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use world::{Account, EXTERNAL_ID, account_with};

const BUCKET: &str = "shelf";

/// A session that reads a bucket of its own.
struct Shelf {
    reads: SessionStore,
}

async fn shelf() -> (Account, Shelf) {
    let account = account_with(AwsWorld::builder().request_log(), |storage| storage).await;
    let (world, card) = (&account.world, account.world.card());
    world.create_bucket(BUCKET, world.region());
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
        card.principal_arn
    );
    let reading = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}"#;
    let role = world.put_role("shelf-reader", &trust, Some(reading)).unwrap();
    let region = world.region().parse().unwrap();
    let grant = GrantRef::new(role.parse().unwrap(), EXTERNAL_ID.parse().unwrap(), BUCKET.parse().unwrap(), region);
    let reads = account.storage.session(&grant, Scope::Bucket).object_store();
    (account, Shelf { reads })
}

#[tokio::test]
async fn every_call_has_its_row_and_a_list_one_a_page() {
    let (account, shelf) = shelf().await;
    for number in 0..1_201 {
        account.world.put_object(BUCKET, &format!("many/{number:04}"), Object::bytes("x")).unwrap();
    }
    account.world.put_object(BUCKET, "wide", Object::generated(1, 3 << 20)).unwrap();
    let listed: Vec<_> = shelf.reads.list(Some(&Path::from("many"))).try_collect().await.unwrap();
    assert_eq!((listed.len(), listed[1_200].location.as_ref()), (1_201, "many/1200"));
    let rest: Vec<_> = shelf.reads.list_with_offset(None, &Path::from("many/1198")).try_collect().await.unwrap();
    assert_eq!(rest.len(), 3, "two of many, and wide");
    let page = PaginatedListOptions { max_keys: Some(7), offset: Some("many/1190".into()), ..Default::default() };
    let page = shelf.reads.list_paginated(Some("many/11"), page).await.unwrap();
    assert_eq!((page.result.objects.len(), page.page_token.is_some()), (7, true), "1191 to 1197 of 1199");
    let wide = Path::from("wide");
    let ranges = shelf.reads.get_ranges(&wide, &[5..9, 0..3]).await.unwrap();
    assert_eq!(ranges[0], Object::generated(1, 3 << 20).read(5..9));
    let whole = shelf.reads.get(&wide).await.unwrap().bytes().await.unwrap();
    assert!(whole == Object::generated(1, 3 << 20).read(0..u64::MAX));

    let rows = account.audit.entries();
    let lists: Vec<_> = rows.iter().filter(|row| row.event_type == AuditEvent::ListObjects).collect();
    assert_eq!(lists.len(), 4, "two pages and one, and one alone");
    assert!(lists.iter().all(|row| row.bucket == BUCKET && row.outcome == AuditOutcome::Success));
    let known: BTreeSet<_> = rows.iter().map(|row| row.aws_request_id.clone().unwrap()).collect();
    let served: BTreeSet<_> = account.world.requests().into_iter().map(|request| request.request_id).collect();
    assert_eq!(known, served);
}

/// What a customer's keys may look like: what the list tells can be read.
#[tokio::test]
async fn a_list_tells_keys_as_they_are() {
    let (account, shelf) = shelf().await;
    let mut keys = vec![
        "100%",
        "a b",
        "a+b",
        "a&b=c",
        "<x>",
        "\"quoted\"",
        "caf\u{e9}",
        "cafe\u{301}",
        "emoji 😀",
        "模型/重み.bin",
        "tilde~",
        "x%2Fy",
        "dots..",
        "~",
        "semi;colon,comma",
    ];
    keys.sort_unstable();
    for key in &keys {
        account.world.put_object(BUCKET, key, Object::bytes(*key)).unwrap();
    }
    let listed: Vec<_> = shelf.reads.list(None).try_collect().await.unwrap();
    let found: Vec<_> = listed.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(found, keys);
    for meta in &listed {
        let bytes = shelf.reads.get(&meta.location).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, meta.location.as_ref().as_bytes());
    }
    let folders = shelf.reads.list_with_delimiter(None).await.unwrap();
    assert_eq!(folders.common_prefixes, [Path::parse("模型").unwrap()]);

    // One that this trait has no name for is an error of its own, and no unreadable page.
    for odd in ["bell\u{7}", "carriage\rreturn", "//x"] {
        account.world.put_object(BUCKET, odd, Object::bytes("x")).unwrap();
    }
    let lines: Vec<_> = shelf.reads.list(None).collect().await;
    let (good, bad): (Vec<_>, Vec<_>) = lines.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (keys.len(), 3), "{bad:?}");
}

#[tokio::test]
async fn faults_keep_their_type_inside() {
    let (account, shelf) = shelf().await;
    let ours = |error: &Error| {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<cube_sdk_core::Error>());
        source.and_then(|error| error.byo().map(|fault| fault.code().clone()))
    };
    let missing = shelf.reads.head(&Path::from("no/such")).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    assert_eq!(ours(&missing), Some(ByoCode::ObjectNotFound));

    account.world.put_object(BUCKET, "k", Object::generated(2, 1000)).unwrap();
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::shelf","arn:aws:s3:::shelf/*"]}]}"#;
    account.world.set_bucket_policy(BUCKET, Some(deny)).unwrap();
    let (key, range) = (Path::from("k"), GetOptions::new().with_range(Some(GetRange::Suffix(5))));
    for denied in [
        shelf.reads.get_opts(&key, range.clone()).await.map(drop).unwrap_err(),
        shelf.reads.get_ranges(&key, &[0..5]).await.map(drop).unwrap_err(),
        shelf.reads.list(None).next().await.unwrap().map(drop).unwrap_err(),
        shelf.reads.list_with_delimiter(None).await.map(drop).unwrap_err(),
        shelf.reads.list_paginated(None, PaginatedListOptions::default()).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(denied, Error::PermissionDenied { .. }), "{denied}");
        assert_eq!(ours(&denied), Some(ByoCode::ObjectAccessDenied));
    }
    account.world.set_bucket_policy(BUCKET, None).unwrap();
    // Overwritten between the HEAD and the read.
    account.world.faults().add(Fault::new(Effect::Overwrite(Object::generated(3, 1000))).on("GetObject").nth(1));
    let changed = shelf.reads.get(&key).await.map(drop).unwrap_err();
    assert!(matches!(changed, Error::Precondition { .. }), "{changed}");
    assert_eq!(ours(&changed), Some(ByoCode::IntegrityMismatch));
}

#[tokio::test]
async fn nothing_is_written_or_sent_for_it() {
    let (account, shelf) = shelf().await;
    let (a, b) = (Path::from("a"), Path::from("b"));
    for refused in [
        shelf.reads.put(&a, "x".into()).await.map(drop),
        shelf.reads.put_multipart(&a).await.map(drop),
        shelf.reads.copy(&a, &b).await,
        shelf.reads.rename(&a, &b).await,
        shelf.reads.delete(&a).await,
        shelf.reads.get_opts(&a, GetOptions { version: Some("1".into()), ..GetOptions::default() }).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::NotSupported { .. })), "{refused:?}");
    }
    assert!(account.audit.entries().is_empty() && account.world.requests().is_empty());
}
