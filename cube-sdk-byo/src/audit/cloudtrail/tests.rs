#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use serde_json::json;

use super::*;
use crate::audit::{AuditEvent, AuditOutcome};

const ROLE: &str = "arn:aws:iam::210987654321:role/reader";
const START: &str = "2026-07-01T09:15:30Z";

fn entry(id: Option<&str>, event: AuditEvent) -> AuditEntry {
    let mut entry = AuditEntry::new(event, "acme", AuditOutcome::Success);
    entry.aws_request_id = id.map(str::to_owned);
    entry.ts = START.parse().unwrap();
    entry
}

fn record(id: &str, source: &str, name: &str, time: &str) -> serde_json::Value {
    json!({
        "eventVersion": "1.11", "eventTime": time, "eventSource": source, "eventName": name, "requestID": id,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}},
        "requestParameters": {"bucketName": "acme", "key": "k"},
    })
}

fn trail(records: &[serde_json::Value]) -> CloudTrail {
    let mut trail = CloudTrail::new();
    trail.add_bytes(json!({"Records": records}).to_string().as_bytes()).unwrap();
    trail
}

const SLACK: Duration = Duration::from_secs(60);

#[test]
fn both_sides_are_compared() {
    let mut decrypt = record("KMS1", "kms.amazonaws.com", "Decrypt", START);
    decrypt["userIdentity"]["invokedBy"] = json!("s3.amazonaws.com");
    let trail = trail(&[
        record("STS1", "sts.amazonaws.com", "AssumeRole", START),
        record("GET1", "s3.amazonaws.com", "GetObject", START),
        record("EXTRA", "s3.amazonaws.com", "GetObject", START),
        record("OLD", "s3.amazonaws.com", "GetObject", "2026-06-01T00:00:00Z"),
        record("EC2", "ec2.amazonaws.com", "DescribeInstances", START),
        decrypt,
    ]);
    let entries = [
        entry(Some("STS1"), AuditEvent::AssumeRole),
        entry(Some("GET1"), AuditEvent::GetObject),
        entry(Some("GET1"), AuditEvent::GetObject),
        entry(Some("LOST"), AuditEvent::GetObject),
        entry(None, AuditEvent::GetObject),
    ];
    let found = reconcile(&entries, trail.records(), SLACK);
    assert_eq!(found.matched.len(), 2, "two rows of one request are one call");
    assert_eq!(found.missing_in_cloudtrail[0].aws_request_id.as_deref(), Some("LOST"));
    assert_eq!(found.missing_in_cloudtrail.len(), 1);
    let extra: Vec<_> = found.missing_in_audit.iter().filter_map(|record| record.request_id.as_deref()).collect();
    assert_eq!(extra, ["EXTRA"]);
    assert_eq!(found.without_request_id.len(), 1);
    assert_eq!(found.not_comparable[0].name, "Decrypt");
    assert!(!found.is_clean());
}

#[test]
fn a_clean_window() {
    let trail = trail(&[record("A", "s3.amazonaws.com", "HeadObject", "2026-07-01T09:15:31Z")]);
    assert!(reconcile(&[entry(Some("A"), AuditEvent::HeadObject)], trail.records(), SLACK).is_clean());
}

#[test]
fn files_are_read_packed_or_plain_and_folders_throughout() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("AWSLogs/210987654321/CloudTrail/us-east-1/2026/07/01");
    std::fs::create_dir_all(&deep).unwrap();
    let text =
        |id: &str| json!({"Records": [record(id, "s3.amazonaws.com", "GetObject", START), {"odd": 1}]}).to_string();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text("PACKED").as_bytes()).unwrap();
    std::fs::write(deep.join("a.json.gz"), packed.finish().unwrap()).unwrap();
    std::fs::write(deep.join("b.json"), text("PLAIN")).unwrap();
    std::fs::write(deep.join("readme.txt"), "no log").unwrap();
    let mut trail = CloudTrail::new();
    trail.add_path(folder.path()).unwrap();
    let ids: Vec<_> = trail.records().iter().filter_map(|record| record.request_id.as_deref()).collect();
    assert_eq!(ids, ["PACKED", "PLAIN"]);
    assert_eq!(trail.records_of(Some(ROLE), "acme").len(), 2);
    assert_eq!(trail.records_of(Some(ROLE), "other").len(), 0);
}

#[test]
fn what_is_no_log_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.json"), "{").unwrap();
    let error = CloudTrail::new().add_path(folder.path()).unwrap_err();
    assert!(error.to_string().contains("broken.json") && error.to_string().contains("CloudTrail-Digest"), "{error}");
}
