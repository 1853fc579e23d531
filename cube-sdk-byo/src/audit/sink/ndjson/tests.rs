#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::audit::{AuditEvent, AuditOutcome, Recorder};

fn row(bucket: &str) -> AuditEntry {
    AuditEntry::new(AuditEvent::GetObject, bucket, AuditOutcome::Success)
}

fn buckets(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<AuditEntry>(line).unwrap().bucket).collect()
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_whole_rows_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.ndjson");
    {
        let recorder = Recorder::new(NdjsonSink::open(&path).unwrap());
        recorder.record(row("one")).await.unwrap();
        recorder.record(row("two")).await.unwrap();
    }
    let whole = std::fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    // Every place at which a third row could have been torn.
    for cut in (0..whole.len() - last).step_by(7) {
        let mut torn = whole.clone();
        torn.extend_from_slice(&whole[last..last + cut]);
        std::fs::write(&path, &torn).unwrap();
        let sink = NdjsonSink::open(&path).unwrap();
        assert_eq!(buckets(&path), ["one", "two"], "cut at {cut}");
        drop(sink);
    }
    let recorder = Recorder::new(NdjsonSink::open(&path).unwrap());
    recorder.record(row("three")).await.unwrap();
    assert_eq!(buckets(&path), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_tail_longer_than_a_block_is_cut_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.ndjson");
    std::fs::write(&path, [b"{}\n".as_slice(), &[b'x'; 20_000]].concat()).unwrap();
    drop(NdjsonSink::open(&path).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), b"{}\n");
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.ndjson");
    let first = NdjsonSink::open(&path).unwrap();
    assert_eq!(NdjsonSink::open(&path).unwrap_err().kind(), ErrorKind::Conflict);
    drop(first);
    assert!(NdjsonSink::open(&path).is_ok());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.ndjson");
    let _sink = NdjsonSink::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
