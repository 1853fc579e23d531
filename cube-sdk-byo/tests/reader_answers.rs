//! Answers that are not what a ranged GET asks for, and a watcher that panics: no byte is lost and none is made up.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use std::time::Duration;

use cube_sdk_byo::reader::ReaderEvent;
use cube_sdk_byo::{ObjectReader, Sha256};
use cube_sdk_core::{ErrorKind, Result};
use cube_sdk_testkit::aws::{Effect, Fault, Object};
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use world::account;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

async fn drain(reader: &mut ObjectReader) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

/// 200 and nothing else, by somebody who is not S3.
fn empty_page() -> Fault {
    Fault::new(Effect::Page { status: 200, content_type: "text/plain".into(), body: String::new() }).on("GetObject")
}

fn without(name: &str) -> Fault {
    Fault::new(Effect::Header { name: name.into(), value: None }).on("GetObject")
}

#[tokio::test]
async fn an_empty_200_is_compared_with_the_digest_like_any_other() {
    let account = account().await;
    let uri = account.put(Object::generated(80, 3 * MIB));
    account.world.faults().add(empty_page());
    let open = || account.session().open(uri.clone());
    let digest = Sha256::of(b"something");
    let error = open().expect_sha256(digest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert_eq!(open().expect_size(3 * MIB).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    // The HEAD before it is answered by S3.
    let error = open().verify_stored_checksum().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    // An object that is empty indeed, of a server that answers no 416.
    let mut reader = open().expect_sha256(Sha256::of(b"")).await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap(), b"");
    assert_eq!(reader.sha256(), Some(Sha256::of(b"")));
    assert_eq!((reader.size(), reader.accounted()), (0, 0));
    let folder = tempfile::tempdir().unwrap();
    let report = open().read_to_file(folder.path().join("empty")).await.unwrap();
    assert_eq!((report.bytes, report.sha256), (0, Sha256::of(b"")));
    let mut view = open().seekable().await.unwrap();
    assert_eq!(view.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert_eq!(open().read_ranges(&[0..1]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_206_that_does_not_tell_its_range_is_not_the_whole_object() {
    let account = account().await;
    let uri = account.put(Object::generated(81, 3 * MIB));
    account.world.faults().add(without("content-range"));
    let open = || account.session().open(uri.clone());
    let errors = [
        open().await.unwrap_err(),
        open().part_size(256 * KIB).await.unwrap_err(),
        open().range(0..10).await.unwrap_err(),
        open().range(5..10).await.unwrap_err(),
        open().read_ranges(&[0..64]).await.unwrap_err(),
        open().seekable().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.request_id().is_some() && error.target() == Some(uri.to_string().as_str()), "{error}");
    }
    // Later parts alone.
    account.world.faults().clear();
    account.world.faults().add(without("content-range").nth(3));
    let mut reader = open().part_size(256 * KIB).await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_416_for_bytes_that_are_there_opens_no_empty_object() {
    let account = account().await;
    let uri = account.put(Object::generated(82, 3 * MIB));
    let etag = account.session().inspect(&uri).await.unwrap().etag;
    let answer = |status: u16, code: &str| {
        Fault::new(Effect::Answer { status, code: code.into(), message: "no such range".into() }).on("GetObject")
    };
    let told = |size: &str| {
        let value = Some(format!("bytes */{size}").into_bytes());
        Fault::new(Effect::Header { name: "content-range".into(), value }).on("GetObject")
    };
    for (size, pinned) in [(Some("3145728"), false), (Some("3145728"), true), (None, true), (Some("many"), true)] {
        account.world.faults().clear();
        account.world.faults().add(answer(416, "InvalidRange"));
        if let Some(size) = size {
            account.world.faults().add(told(size));
        }
        let open = || match pinned {
            true => account.session().open(uri.clone()).if_match(&etag),
            false => account.session().open(uri.clone()),
        };
        for error in [open().await.unwrap_err(), open().seekable().await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Protocol, "{size:?}: {error}");
            assert!(error.request_id().is_some(), "{error}");
        }
        if size == Some("3145728") {
            assert_eq!(open().read_ranges(&[0..9]).await.unwrap_err().kind(), ErrorKind::Protocol);
        }
    }
    // What is behind the end is so still, told by header, by body or not at all.
    for fault in [None, Some(without("content-range")), Some(told("0")), Some(told("many"))] {
        account.world.faults().clear();
        fault.map(|fault| account.world.faults().add(fault));
        let behind = account.session().open(uri.clone()).range(4 * MIB..5 * MIB).await.unwrap_err();
        assert_eq!(behind.kind(), ErrorKind::InvalidInput, "{behind}");
    }
    let empty = account.put(Object::bytes(""));
    account.world.faults().clear();
    account.world.faults().add(without("content-range"));
    assert_eq!(drain(&mut account.session().open(empty).await.unwrap()).await.unwrap(), b"");
}

#[tokio::test]
async fn tags_that_are_none_are_refused_or_compared_and_never_sent_on_as_they_are() {
    let account = account().await;
    let uri = account.put(Object::generated(83, MIB));
    let etag = account.session().inspect(&uri).await.unwrap().etag;
    for (tag, kind) in [
        ("*".to_owned(), ErrorKind::Integrity),
        (format!("{etag}, \"other\""), ErrorKind::Integrity),
        ("a\r\nx-amz-request-payer: requester".to_owned(), ErrorKind::InvalidInput),
        ("tag\0".to_owned(), ErrorKind::InvalidInput),
    ] {
        let error = account.session().open(uri.clone()).if_match(&tag).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{tag:?}: {error}");
    }
}

/// The callback is somebody else's code, on the reader's own tasks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_panics_costs_neither_bytes_nor_verdict() {
    let account = account().await;
    let object = Object::generated(84, 6 * MIB);
    let uri = account.put(object.clone());
    let sha256: Sha256 = object.sha256().parse().unwrap();
    type Hit = fn(&ReaderEvent) -> bool;
    let events: [(&str, Hit); 5] = [
        ("opened", |event| matches!(event, ReaderEvent::Opened { .. })),
        ("progress", |event| matches!(event, ReaderEvent::Progress(_))),
        ("resumed", |event| matches!(event, ReaderEvent::Resumed { .. })),
        ("slow down", |event| matches!(event, ReaderEvent::SlowDown { .. })),
        ("verified", |event| matches!(event, ReaderEvent::Verified { .. })),
    ];
    for (name, hit) in events {
        let faults = account.world.faults();
        faults.clear();
        faults.add(Fault::new(Effect::ResetBody { after: 100 * KIB }).on("GetObject").nth(3));
        faults.add(Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject").nth(5));
        let (told, count) = (std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0)), 0);
        let heard = told.clone();
        let open = account.session().open(uri.clone()).part_size(256 * KIB).expect_sha256(sha256);
        let mut reader = open
            .progress(move |event| {
                heard.fetch_add(u64::from(hit(&event)), std::sync::atomic::Ordering::Relaxed);
                assert!(!hit(&event), "the watcher is broken");
            })
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = drain(&mut reader).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bytes == object.read(0..u64::MAX), "{name}");
        reader.shutdown(Duration::from_secs(60)).await.unwrap();
        assert!(told.load(std::sync::atomic::Ordering::Relaxed) > count, "{name} was told");
    }
}
