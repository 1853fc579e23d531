//! Reads compared with the checksum that S3 stores: every algorithm, flipped bytes, and what is not available.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use cube_sdk_byo::audit::{AuditEvent, AuditOutcome};
use cube_sdk_byo::{ByoCode, ByoErrorExt, NoChecksum, ObjectReader, Sha256};
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind, Result};
use cube_sdk_testkit::aws::{ChecksumAlgorithm, Effect, Fault, Object};
use futures_util::StreamExt;
use world::{Account, account};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const CRCS: [ChecksumAlgorithm; 3] =
    [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Crc32];

async fn drain(reader: &mut ObjectReader) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

/// The bytes that came before the error.
async fn broken(reader: &mut ObjectReader) -> (u64, Error) {
    let mut got = 0;
    loop {
        match reader.next().await.expect("an error comes before the end") {
            Ok(chunk) => got += chunk.len() as u64,
            Err(error) => return (got, error),
        }
    }
}

fn rows(account: &Account, event: &AuditEvent) -> usize {
    account.audit.entries().into_iter().filter(|row| row.event_type == *event).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_stored_checksum_is_compared() {
    let account = account().await;
    for (turn, algorithm) in CRCS.into_iter().chain([ChecksumAlgorithm::Sha256]).enumerate() {
        for size in [0, 1, 300 * KIB, 3 * MIB + 7] {
            let object = match size {
                0 => Object::bytes(""),
                size => Object::generated(size + turn as u64, size),
            };
            let uri = account.put(object.clone().checksum(Some(algorithm)));
            let open = account.session().open(uri).part_size(256 * KIB).verify_stored_checksum();
            let mut reader = open.await.unwrap();
            assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX), "{algorithm:?} {size}");
            let stored = reader.stored_checksum().unwrap().to_string();
            assert!(stored.ends_with(&object.digest(algorithm)), "{stored}");
            assert_eq!(reader.accounted(), 0);
        }
    }
    assert_eq!(rows(&account, &AuditEvent::HeadObject) as u64, account.world.traffic().served("HeadObject"));
}

#[tokio::test]
async fn the_head_comes_first_is_audited_and_pins_the_version() {
    let account = account().await;
    let uri = account.put(Object::generated(2, 2 * MIB));
    account.world.faults().add(Fault::new(Effect::Overwrite(Object::generated(3, 2 * MIB))).on("GetObject").nth(1));
    let error = account.session().open(uri).verify_stored_checksum().await.unwrap_err();
    assert_eq!(error.byo().unwrap().code(), &ByoCode::IntegrityMismatch, "{error}");
    let events: Vec<_> = account.audit.entries().into_iter().map(|row| row.event_type).collect();
    assert_eq!(events[..3], [AuditEvent::AssumeRole, AuditEvent::HeadObject, AuditEvent::GetObject]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_before_the_last_chunk() {
    let account = account().await;
    for algorithm in CRCS {
        for (part, at) in [(1, 0), (3, 100 * KIB), (8, 256 * KIB - 1)] {
            let size = 2 * MIB;
            let uri = account.put(Object::generated(at + part, size).checksum(Some(algorithm)));
            account.world.faults().clear();
            account.world.faults().add(Fault::new(Effect::CorruptByte { at }).on("GetObject").nth(part));
            let open = account.session().open(uri).part_size(256 * KIB).verify_stored_checksum();
            let mut reader = open.await.unwrap();
            let (got, error) = broken(&mut reader).await;
            assert_eq!(error.kind(), ErrorKind::Integrity, "{algorithm:?} {part}: {error}");
            assert_eq!(error.byo().unwrap().code(), &ByoCode::IntegrityMismatch);
            assert!(got < size, "{algorithm:?}: the last chunk was handed on");
            assert!(reader.next().await.is_none(), "nothing follows an error");
        }
    }
}

#[tokio::test]
async fn resumed_parts_and_a_digest_beside_it_are_no_hindrance() {
    let account = account().await;
    let object = Object::generated(7, 2 * MIB);
    let uri = account.put(object.clone());
    for nth in [2, 3, 5] {
        account.world.faults().add(Fault::new(Effect::ResetBody { after: 90 * KIB + 3 }).on("GetObject").nth(nth));
    }
    let digest: Sha256 = object.sha256().parse().unwrap();
    let open = account.session().open(uri).part_size(512 * KIB).expect_sha256(digest).verify_stored_checksum();
    let mut reader = open.await.unwrap();
    assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX));
    assert!(reader.stats().resumed > 0);
    assert_eq!(reader.sha256(), Some(digest));
}

#[tokio::test]
async fn a_file_is_read_once_more_after_a_flipped_byte() {
    let account = account().await;
    let object = Object::generated(8, 2 * MIB);
    let uri = account.put(object.clone());
    account.world.faults().add(Fault::new(Effect::CorruptByte { at: 9 }).on("GetObject").nth(2));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let open = account.session().open(uri).part_size(256 * KIB).verify_stored_checksum();
    let report = open.read_to_file(&path).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == object.read(0..u64::MAX));
    assert!(report.stored_checksum.unwrap().to_string().starts_with("CRC64NVME "));
    assert_eq!(rows(&account, &AuditEvent::HeadObject), 2);
}

#[tokio::test]
async fn what_is_not_available_is_said_before_any_byte() {
    let account = account().await;
    let plain = Object::generated(9, MIB);
    for (object, words) in [
        (plain.clone().checksum(None), "S3 shows no checksum"),
        (plain.clone().checksum(Some(ChecksumAlgorithm::Sha1)), "SHA1"),
    ] {
        let uri = account.put(object);
        let served = account.world.traffic().served("GetObject");
        let error = account.session().open(uri).verify_stored_checksum().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let text = error.to_string();
        assert!(text.contains("not available") && text.contains(words) && text.contains("SHA-256"), "{text}");
        assert_eq!(account.world.traffic().served("GetObject"), served, "nothing is read");
    }
    // As servers show what was uploaded in parts: the type, or a count behind the value.
    for value in ["COMPOSITE", ""] {
        let uri = account.put(plain.clone().checksum(Some(ChecksumAlgorithm::Crc32C)));
        let faults = account.world.faults();
        faults.clear();
        let header = |name: &str, value: &str| Effect::Header { name: name.into(), value: Some(value.into()) };
        match value {
            "" => faults.add(Fault::new(header("x-amz-checksum-crc32c", "yZRlqg==-7")).on("HeadObject")),
            kind => faults.add(Fault::new(header("x-amz-checksum-type", kind)).on("HeadObject")),
        };
        let info = account.session().inspect(&uri).await.unwrap();
        assert_eq!(info.checksum, Err(NoChecksum::Composite));
        let error = account.session().open(uri).verify_stored_checksum().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("COMPOSITE"), "{error}");
    }
}

#[tokio::test]
async fn contradictions_are_refused() {
    let account = account().await;
    let uri = account.put(Object::generated(10, MIB).checksum(Some(ChecksumAlgorithm::Sha256)));
    let open = || account.session().open(uri.clone()).verify_stored_checksum();
    let sliced = open().range(0..5).await.unwrap_err();
    assert_eq!((sliced.kind(), sliced.sent()), (ErrorKind::InvalidInput, Sent::No));
    let view = open().seekable().await.unwrap_err();
    assert_eq!((view.kind(), view.sent()), (ErrorKind::InvalidInput, Sent::No));
    assert_eq!(account.audit.entries().len(), 0, "nothing was sent");
    for wrong in [open().expect_sha256(Sha256::of(b"else")), open().if_match("\"else\"")] {
        assert_eq!(wrong.await.unwrap_err().kind(), ErrorKind::Integrity);
    }
    assert_eq!(account.world.traffic().served("GetObject"), 0, "the HEAD says it all");
    let missing = account.session().open(account.uri("no/such")).verify_stored_checksum().await.unwrap_err();
    assert_eq!(missing.byo().unwrap().code(), &ByoCode::ObjectNotFound);
    assert!(account.audit.entries().iter().any(|row| row.outcome == AuditOutcome::Error));
}
