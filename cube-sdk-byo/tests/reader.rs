//! The reader against the account double: bytes, ranges, digests, files, seeks.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::io::SeekFrom;
use std::time::Duration;

use cube_sdk_byo::audit::{AuditEvent, AuditOutcome};
use cube_sdk_byo::reader::ReaderEvent;
use cube_sdk_byo::{ByoCode, ByoErrorExt, ObjectReader, Sha256, StorageBuilder};
use cube_sdk_core::engine::Clocks;
use cube_sdk_core::{ErrorKind, Result};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use world::{account, account_with};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * 1024;

async fn drain(reader: &mut ObjectReader) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn delivers_every_byte_in_order() {
    let account = account().await;
    for size in [1, 100, MIB - 1, MIB, MIB + 1, 21 * MIB + 12_345] {
        let object = Object::generated(size, size);
        let uri = account.put(object.clone());
        let mut reader = account.session().open(uri).compute_sha256().await.unwrap();
        assert_eq!(reader.size(), size);
        let bytes = drain(&mut reader).await.unwrap();
        assert!(bytes == object.read(0..size), "{size} bytes");
        assert_eq!(reader.sha256().unwrap().to_string(), object.sha256());
        assert_eq!(reader.stats().delivered, size);
        assert_eq!(reader.accounted(), 0);
        assert!(reader.next().await.is_none());
    }
}

#[tokio::test]
async fn an_empty_object_is_read() {
    let account = account().await;
    let uri = account.put(Object::bytes(""));
    let mut reader = account.session().open(uri.clone()).expect_sha256(Sha256::of(b"")).expect_size(0).await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap(), b"");
    let wrong = account.session().open(uri).expect_sha256(Sha256::of(b"x")).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn ranges_are_clipped_to_the_object() {
    let account = account().await;
    let object = Object::generated(3, 3 * MIB);
    let uri = account.put(object.clone());
    for range in [0..1, 5..MIB + 7, 2 * MIB..u64::MAX, 3 * MIB - 1..3 * MIB] {
        let mut reader = account.session().open(uri.clone()).range(range.clone()).part_size(300 * KIB).await.unwrap();
        assert_eq!(drain(&mut reader).await.unwrap(), object.read(range.clone()), "{range:?}");
    }
    let behind = account.session().open(uri.clone()).range(3 * MIB..4 * MIB).await.unwrap_err();
    assert_eq!(behind.kind(), ErrorKind::InvalidInput);
    assert!(behind.to_string().contains("behind the end"), "{behind}");
    let empty = account.session().open(uri).range(5..5).await.unwrap_err();
    assert_eq!(empty.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_reader_is_also_an_async_read() {
    let account = account().await;
    let object = Object::generated(4, 2 * MIB + 5);
    let mut reader = account.session().open(account.put(object.clone())).await.unwrap();
    let mut head = [0; 1000];
    reader.read_exact(&mut head).await.unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert_eq!([head.as_slice(), &rest].concat(), object.read(0..u64::MAX));
}

#[tokio::test]
async fn a_wrong_digest_holds_the_last_chunk_back() {
    let account = account().await;
    let uri = account.put(Object::generated(5, 3 * MIB));
    let mut reader = account.session().open(uri).expect_sha256(Sha256::of(b"else")).await.unwrap();
    let mut got = 0;
    let error = loop {
        match reader.next().await.unwrap() {
            Ok(chunk) => got += chunk.len() as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(error.byo().unwrap().code(), &ByoCode::IntegrityMismatch);
    assert!(got < 3 * MIB);
    assert!(reader.next().await.is_none(), "nothing follows an error");
}

#[tokio::test]
async fn expectations_are_checked_at_the_first_answer() {
    let account = account().await;
    let uri = account.put(Object::generated(6, MIB));
    let size = account.session().open(uri.clone()).expect_size(5).await.unwrap_err();
    assert_eq!(size.byo().unwrap().code(), &ByoCode::SizeMismatch);
    let etag = account.session().open(uri.clone()).if_match("\"other\"").await.unwrap_err();
    assert_eq!(etag.kind(), ErrorKind::Integrity);
    let foreign = account.session().open("s3://elsewhere/k").await.unwrap_err();
    assert_eq!(foreign.byo().unwrap().code(), &ByoCode::BucketMismatch);
    let missing = account.session().open(account.uri("no/such")).await.unwrap_err();
    assert_eq!(missing.byo().unwrap().code(), &ByoCode::ObjectNotFound);
}

#[tokio::test]
async fn an_overwritten_object_is_integrity() {
    let account = account().await;
    let uri = account.put(Object::generated(7, 8 * MIB));
    let other = Object::generated(8, 8 * MIB);
    account.world.faults().add(Fault::new(Effect::Overwrite(other)).on("GetObject").nth(4));
    let mut reader = account.session().open(uri).part_size(MIB).await.unwrap();
    let error = drain(&mut reader).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert_eq!(error.byo().unwrap().code(), &ByoCode::IntegrityMismatch);
}

#[tokio::test]
async fn an_answer_with_another_etag_is_integrity() {
    let account = account().await;
    let uri = account.put(Object::generated(9, 4 * MIB));
    account.world.faults().add(Fault::new(Effect::WrongEtag).on("GetObject").nth(3));
    let mut reader = account.session().open(uri).part_size(MIB).await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap_err().kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn no_clock_is_too_long() {
    let endless = Duration::MAX;
    let mut clocks = Clocks::default();
    (clocks.first_byte, clocks.idle, clocks.attempt, clocks.deadline) = (endless, endless, endless, endless);
    let clocks = |storage: StorageBuilder| storage.connect_timeout(endless).clocks(clocks);
    let account = account_with(AwsWorld::builder().rate_per_connection(4 * MIB), clocks).await;
    let uri = account.put(Object::generated(12, MIB));
    let mut reader = account.session().open(uri).deadline(endless).part_size(300 * KIB).await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap().len(), 1 << 20);
    reader.shutdown(endless).await.unwrap();
}

#[tokio::test]
async fn the_deadline_holds_for_bytes_that_come_too_slowly() {
    let account = account_with(AwsWorld::builder().rate_per_connection(16 * KIB), |storage| storage).await;
    let uri = account.put(Object::generated(11, 2 * MIB));
    let open = account.session().open(uri).deadline(Duration::from_millis(80));
    let reading = async { drain(&mut open.await?).await };
    let outcome = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the deadline ends the read");
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_broken_part_resumes_at_its_last_byte_and_leaves_two_rows() {
    let account = account().await;
    let object = Object::generated(10, 2 * MIB);
    let uri = account.put(object.clone());
    account.world.faults().add(Fault::new(Effect::ResetBody { after: 300 * KIB }).on("GetObject").nth(2));
    let mut reader = account.session().open(uri).part_size(MIB).await.unwrap();
    assert!(drain(&mut reader).await.unwrap() == object.read(0..u64::MAX));
    assert_eq!(reader.stats().resumed, 1);
    assert_eq!(account.world.traffic().served("GetObject"), 3);
    let rows = account.audit.entries();
    let gets: Vec<_> = rows.iter().filter(|row| row.event_type == AuditEvent::GetObject).collect();
    assert_eq!(gets.len(), 4, "three attempts, and a second row for the broken one");
    let broken = gets.iter().find(|row| row.outcome == AuditOutcome::Error).unwrap();
    let promised = gets.iter().find(|row| row.attempt_id == broken.attempt_id).unwrap();
    assert_eq!(promised.aws_request_id, broken.aws_request_id);
    assert_eq!(promised.bytes_read, Some(MIB));
    assert!(broken.bytes_read.unwrap() <= 300 * KIB);
    assert_eq!(broken.error_code.as_deref(), Some("transport"));
    let resumed = gets.last().unwrap().bytes_read.unwrap();
    assert_eq!(resumed + broken.bytes_read.unwrap(), MIB, "it went on at the last byte");
}

#[tokio::test]
async fn every_attempt_leaves_its_row_before_its_bytes() {
    let account = account().await;
    let uri = account.put(Object::generated(11, 3 * MIB));
    account.world.faults().add(Fault::new(Effect::InternalError).on("GetObject").nth(1));
    let mut reader = account.session().open(uri).part_size(MIB).await.unwrap();
    drain(&mut reader).await.unwrap();
    let rows = account.audit.entries();
    assert_eq!(rows[0].event_type, AuditEvent::AssumeRole);
    assert_eq!(rows[0].s3_key, None);
    assert_eq!((&rows[1].outcome, rows[1].error_code.as_deref()), (&AuditOutcome::Error, Some("InternalError")));
    assert_eq!(rows.len(), 1 + 1 + 3);
    for row in &rows {
        assert!(row.aws_request_id.as_ref().is_some_and(|id| !id.is_empty()), "{row:?}");
        assert_eq!(row.role_arn.as_deref(), Some(account.world.card().role_arn.as_str()));
    }
}

#[tokio::test]
async fn a_stalled_consumer_keeps_the_budget() {
    let account = account().await;
    let uri = account.put(Object::generated(12, 64 * MIB));
    let budget = 4 * MIB;
    let mut reader = account.session().open(uri).budget(budget).compute_sha256().await.unwrap();
    let mut most = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        most = most.max(reader.accounted());
        assert!(reader.accounted() <= budget, "{}", reader.accounted());
    }
    assert!(most >= budget / 2, "the window was used: {most}");
    let sent = account.world.traffic().body_bytes();
    assert!(sent <= budget + 8 * MIB, "only socket buffers lie beyond the budget: {sent}");
    let mut got = 0;
    while let Some(chunk) = reader.next().await {
        got += chunk.unwrap().len() as u64;
        assert!(reader.accounted() <= budget);
    }
    assert_eq!(got, 64 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_follows_what_pays_and_heeds_slow_down() {
    let capped = AwsWorld::builder().rate_per_connection(2 * MIB);
    let account = account_with(capped, |storage| storage).await;
    let uri = account.put(Object::generated(13, 512 * MIB));
    let mut reader = account.session().open(uri).await.unwrap();
    let reading = tokio::spawn(async move {
        while let Some(chunk) = reader.next().await {
            chunk.unwrap();
            if reader.stats().delivered > 300 * MIB {
                break;
            }
        }
        reader
    });
    let traffic = account.world.traffic();
    let mut peak = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        peak = peak.max(traffic.in_flight_gets());
    }
    assert!(peak >= 8, "{peak} in flight within 1 s");
    assert!(!reading.is_finished());
    reading.abort();
}

#[tokio::test]
async fn slow_down_halves_what_is_in_flight() {
    let account = account().await;
    let uri = account.put(Object::generated(14, 64 * MIB));
    let (told, mut cuts) = tokio::sync::mpsc::unbounded_channel();
    account.world.faults().add(Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject").nth(12));
    let open = account.session().open(uri).part_size(MIB).progress(move |event| {
        if let ReaderEvent::SlowDown { target } = event {
            let _ = told.send(target);
        }
    });
    let mut reader = open.await.unwrap();
    assert_eq!(drain(&mut reader).await.unwrap().len() as u64, 64 * MIB);
    let target = cuts.recv().await.unwrap();
    assert!((1..=16).contains(&target), "{target}");
}

#[tokio::test]
async fn a_file_appears_only_when_it_is_verified() {
    let account = account().await;
    let object = Object::generated(15, 5 * MIB + 3);
    let uri = account.put(object.clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let report = account.session().open(uri.clone()).read_to_file(&path).await.unwrap();
    assert_eq!((report.bytes, report.sha256.to_string()), (object.size(), object.sha256()));
    assert!(std::fs::read(&path).unwrap() == object.read(0..u64::MAX));

    let wrong = account.session().open(uri.clone()).expect_sha256(Sha256::of(b"else")).read_to_file(&path).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Integrity);
    let missing = account.session().open(account.uri("no/such")).read_to_file(folder.path().join("other")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    account.world.faults().add(Fault::new(Effect::Latency(Duration::from_secs(5))).on("GetObject"));
    let dropped = account.session().open(uri).read_to_file(folder.path().join("dropped"));
    assert!(tokio::time::timeout(Duration::from_millis(50), dropped).await.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["model.onnx"], "nothing half-written stays");
    assert!(std::fs::read(&path).unwrap() == object.read(0..u64::MAX), "the old file is untouched");
}

#[tokio::test]
async fn a_file_is_read_once_more_when_the_object_is_overwritten() {
    let account = account().await;
    let uri = account.put(Object::generated(21, 8 * MIB));
    let newer = Object::generated(22, 8 * MIB);
    account.world.faults().add(Fault::new(Effect::Overwrite(newer.clone())).on("GetObject").nth(4));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let report = account.session().open(uri.clone()).part_size(MIB).read_to_file(&path).await.unwrap();
    assert_eq!(report.sha256.to_string(), newer.sha256());
    assert!(std::fs::read(&path).unwrap() == newer.read(0..u64::MAX));

    let older = Sha256::of(b"what was registered");
    let served = account.world.traffic().served("GetObject");
    let refused = account.session().open(uri).expect_sha256(older).part_size(4 * MIB).read_to_file(&path).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Integrity);
    let requests = account.world.traffic().served("GetObject") - served;
    assert!((4..=8).contains(&requests), "read {requests} parts: once more, and no more than once");
}

#[tokio::test]
async fn headers_are_read_where_the_caller_seeks() {
    let account = account().await;
    let object = Object::generated(16, 9 * MIB);
    let mut view = account.session().open(account.put(object.clone())).seekable().await.unwrap();
    let mut bytes = [0; 64];
    for at in [0, 5, 8 * MIB + 17, 3 * MIB - 32, 9 * MIB - 64] {
        assert_eq!(view.seek(SeekFrom::Start(at)).await.unwrap(), at);
        view.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes.as_slice(), object.read(at..at + 64), "at {at}");
    }
    assert_eq!(view.seek(SeekFrom::End(-10)).await.unwrap(), 9 * MIB - 10);
    let mut tail = Vec::new();
    view.read_to_end(&mut tail).await.unwrap();
    assert_eq!(tail, object.read(9 * MIB - 10..9 * MIB));
    assert!(view.seek(SeekFrom::Current(-(20 * MIB as i64))).await.is_err());
    assert!(view.stats().received < 4 * MIB, "only blocks were fetched: {}", view.stats().received);
    account.put(Object::generated(17, 9 * MIB));
    view.seek(SeekFrom::Start(6 * MIB)).await.unwrap();
    assert!(view.read_exact(&mut bytes).await.is_err(), "the view is pinned to one version");
}

#[tokio::test]
async fn shutdown_ends_the_tasks() {
    let account = account().await;
    let uri = account.put(Object::generated(18, 64 * MIB));
    let reader = account.session().open(uri).budget(4 * MIB).await.unwrap();
    let stats = reader.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(stats.wanted, 64 * MIB);
    for _ in 0..100 {
        if account.world.traffic().in_flight_gets() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("requests go on: {}", account.world.traffic().in_flight_gets());
}

#[tokio::test]
async fn a_slow_line_gets_more_parts_too() {
    let account = account_with(AwsWorld::builder().rate_per_connection(32 * KIB), |storage| storage).await;
    let uri = account.put(Object::generated(19, 64 * MIB));
    let mut reader = account.session().open(uri).part_size(256 * KIB).await.unwrap();
    let reading = tokio::spawn(async move { while reader.next().await.is_some() {} });
    for _ in 0..600 {
        if account.world.traffic().peak_gets() > 8 {
            reading.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} in flight at most", account.world.traffic().peak_gets());
}

#[tokio::test(start_paused = true)]
async fn both_tries_of_a_file_end_by_one_deadline() {
    let mut clocks = Clocks::default();
    (clocks.first_byte, clocks.attempt) = (Duration::from_secs(300), Duration::from_secs(300));
    let account = account_with(AwsWorld::builder(), |storage| storage.clocks(clocks)).await;
    let uri = account.put(Object::generated(20, 1000));
    let faults = account.world.faults();
    faults.add(Fault::new(Effect::Latency(Duration::from_secs(40))).on("GetObject").nth(1));
    faults.add(Fault::new(Effect::CorruptByte { at: 5 }).on("GetObject").nth(1));
    let again = faults.add(Fault::new(Effect::Latency(Duration::from_secs(200))).on("GetObject").nth(2));
    let digest = Object::generated(20, 1000).sha256();
    let clock = tokio::spawn(world::hurry());
    let begun = tokio::time::Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let open = account.session().open(uri).expect_sha256(digest).deadline(Duration::from_secs(60));
    let error = open.read_to_file(folder.path().join("f")).await.unwrap_err();
    clock.abort();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(account.world.faults().fired(again), 1, "it was read twice");
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
}
