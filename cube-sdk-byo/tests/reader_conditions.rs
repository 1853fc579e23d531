//! Conditional requests and answers that are not quite as they should be: pins, tags, ranges behind the end, headers.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use cube_sdk_byo::{ByoCode, ByoErrorExt, ObjectReader};
use cube_sdk_core::{ErrorKind, Result};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use world::{Account, account, account_with};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

async fn drain(reader: &mut ObjectReader) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

async fn logged() -> Account {
    account_with(AwsWorld::builder().request_log(), |storage| storage).await
}

fn header(name: &str, value: Option<&[u8]>) -> Fault {
    Fault::new(Effect::Header { name: name.into(), value: value.map(<[u8]>::to_vec) })
}

/// What was sent as `If-Match` by each GET.
fn conditions(account: &Account) -> Vec<Option<String>> {
    let requests = account.world.requests().into_iter();
    requests.filter(|request| request.operation == "GetObject").map(|request| request.if_match).collect()
}

#[tokio::test]
async fn a_range_behind_the_end_under_a_pin_is_asked_of_a_head() {
    let account = account().await;
    let uri = account.put(Object::generated(1, 1000));
    let etag = account.session().inspect(&uri).await.unwrap().etag;
    let behind = || account.session().open(uri.clone()).range(1000..2000);
    for old in ["\"old\"", "old", "W/\"old\""] {
        let error = behind().if_match(old).await.unwrap_err();
        assert_eq!(error.byo().unwrap().code(), &ByoCode::IntegrityMismatch, "{old}: {error}");
        let ranges = account.session().open(uri.clone()).if_match(old).read_ranges(&[5000..5001]).await.unwrap_err();
        assert_eq!(ranges.kind(), ErrorKind::Integrity, "{old}: {ranges}");
    }
    let heads = account.world.traffic().served("HeadObject");
    let current = behind().if_match(&etag).await.unwrap_err();
    assert_eq!(current.kind(), ErrorKind::InvalidInput, "{current}");
    assert_eq!(account.world.traffic().served("HeadObject"), heads + 1);
    assert_eq!(behind().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(account.world.traffic().served("HeadObject"), heads + 1, "without a pin nobody asks");

    let empty = account.put(Object::bytes(""));
    let etag = account.session().inspect(&empty).await.unwrap().etag;
    let open = || account.session().open(empty.clone());
    assert_eq!(drain(&mut open().if_match(&etag).await.unwrap()).await.unwrap(), b"");
    assert_eq!(open().if_match("\"old\"").await.unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(open().if_match("\"old\"").seekable().await.unwrap_err().kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn only_strong_tags_that_are_not_empty_are_sent_and_all_are_compared() {
    for tag in ["W/\"weak\"", "\"\"", "", "\"open"] {
        let account = logged().await;
        let object = Object::generated(2, 2 * MIB);
        let uri = account.put(object.clone());
        let faults = account.world.faults();
        faults.add(header("etag", Some(tag.as_bytes())));
        let mut reader = account.session().open(uri.clone()).part_size(256 * KIB).await.unwrap();
        assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX), "{tag}");
        // As the caller's own pin.
        let mut reader = account.session().open(uri.clone()).if_match(tag).await.unwrap();
        assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX), "{tag}");
        assert!(conditions(&account).iter().all(Option::is_none), "{tag}: {:?}", conditions(&account));
        // Not sent, but compared.
        faults.add(header("etag", Some(b"W/\"newer\"")).on("GetObject").nth(3));
        let mut reader = account.session().open(uri).part_size(256 * KIB).await.unwrap();
        assert_eq!(drain(&mut reader).await.unwrap_err().kind(), ErrorKind::Integrity, "{tag}");
    }
    let account = logged().await;
    let uri = account.put(Object::generated(3, 2 * MIB));
    let etag = account.session().inspect(&uri).await.unwrap().etag;
    drain(&mut account.session().open(uri).part_size(256 * KIB).await.unwrap()).await.unwrap();
    let sent = conditions(&account);
    assert!(sent[0].is_none() && sent[1..].iter().all(|sent| sent.as_ref() == Some(&etag)), "{sent:?}");
}

#[tokio::test]
async fn an_answer_without_a_length_is_read_by_its_range() {
    let account = account().await;
    let object = Object::generated(4, 2 * MIB);
    let uri = account.put(object.clone());
    account.world.faults().add(header("content-length", None).on("GetObject"));
    let mut reader = account.session().open(uri.clone()).part_size(256 * KIB).await.unwrap();
    assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX));
    let ranges = account.session().open(uri.clone()).read_ranges(&[5..9, MIB..MIB + 70]).await.unwrap();
    assert_eq!(ranges[1], object.read(MIB..MIB + 70));
    // Neither a length nor a range: what comes cannot be told from what is missing.
    account.world.faults().add(header("content-range", None).on("GetObject"));
    let error = account.session().open(uri).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[tokio::test]
async fn headers_that_nobody_needs_need_not_be_readable() {
    let account = account().await;
    let object = Object::generated(5, MIB);
    let uri = account.put(object.clone());
    for (name, value) in [
        ("last-modified", b"yesterday".as_slice()),
        ("last-modified", b"\xff\xfe"),
        ("expires", b"0"),
        ("expires", b"\xe9t\xe9"),
        ("content-disposition", b"attachment; filename=\xe9t\xe9.onnx"),
        ("content-language", b"\xff"),
        ("content-type", b"\xff"),
        ("x-amz-meta-name", b"\xe9t\xe9"),
        ("x-amz-missing-meta", b"many"),
        ("x-amz-mp-parts-count", b"some"),
        ("x-amz-tagging-count", b"-"),
        ("x-amz-delete-marker", b"perhaps"),
        ("x-amz-object-lock-retain-until-date", b"for ever"),
        ("x-amz-server-side-encryption-bucket-key-enabled", b"yes please"),
        ("x-amz-restore", b"\xff"),
        ("x-amz-storage-class", b"\xff"),
        ("x-amz-version-id", b"\xff"),
        ("x-amz-checksum-type", b"\xff"),
    ] {
        account.world.faults().clear();
        account.world.faults().add(header(name, Some(value)));
        let name = format!("{name}: {}", value.escape_ascii());
        let info = account.session().inspect(&uri).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(info.size, MIB, "{name}");
        let mut reader = account.session().open(uri.clone()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX), "{name}");
        let report = account.storage.probe(&account.grant()).sample_key(world::KEY).await.unwrap();
        assert!(report.is_ready(), "{name}: {report}");
    }
}
