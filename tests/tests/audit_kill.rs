//! The audit survives kill -9: no acknowledged row lost, no row torn, ids strictly increasing.
//!
//! The writer is this test binary itself, started again with an environment variable that makes its
//! child test write instead of returning at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cube_sdk::byo::audit::{AuditEntry, AuditEvent, AuditExport, AuditOutcome, AuditSource, NdjsonSink, Recorder};
use cube_sdk_core::listing::{Listing, Page};
use cube_sdk_core::{Result, Timestamp};
use serde_json::{Value, json};

const CHILD_FILE: &str = "CUBE_TEST_AUDIT_FILE";
const CHILD_FIRST: &str = "CUBE_TEST_AUDIT_FIRST";
const CHILD_EXPORT: &str = "CUBE_TEST_EXPORT_DIR";
const ROWS: u64 = 1_000;

/// This binary, running only the named test, as another process.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[test]
fn child_writes_rows() {
    let (Ok(file), Ok(first)) = (std::env::var(CHILD_FILE), std::env::var(CHILD_FIRST)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let recorder = Recorder::new(NdjsonSink::open(file).unwrap());
        for number in first.parse::<u64>().unwrap().. {
            let mut row = AuditEntry::new(AuditEvent::GetObject, "acme-edge-models", AuditOutcome::Success);
            row.bytes_read = Some(number);
            recorder.record(row).await.unwrap();
            println!("ack {number}");
            std::io::stdout().flush().unwrap();
        }
    });
}

/// Lets a writer live until `rows` are acknowledged or a random moment comes; gives the acknowledged numbers.
fn live(file: &Path, first: u64, rows: u64, moment: Option<Duration>) -> Vec<u64> {
    let mut child =
        child("child_writes_rows").env(CHILD_FILE, file).env(CHILD_FIRST, first.to_string()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let over = AtomicBool::new(false);
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        if let Some(moment) = moment {
            let (child, over) = (&mut child, &over);
            scope.spawn(move || {
                std::thread::sleep(moment);
                child.kill().unwrap();
                over.store(true, Ordering::SeqCst);
            });
        }
        for line in output.lines().map_while(Result::ok) {
            // libtest's own words stand before the first acknowledgement on its line.
            if let Some((_, number)) = line.split_once("ack ") {
                acknowledged.push(number.parse().unwrap());
            }
            if moment.is_none() && acknowledged.len() as u64 >= rows {
                break;
            }
        }
    });
    let _ = child.kill();
    child.wait().unwrap();
    assert!(moment.is_none() || over.load(Ordering::SeqCst), "the writer ended by itself");
    acknowledged
}

#[test]
fn a_thousand_rows_survive_twenty_kills() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.ndjson");
    let mut random = fastrand::Rng::with_seed(20);
    let mut acknowledged = Vec::new();
    for _ in 0..20 {
        let next = acknowledged.last().map_or(0, |last| last + 1);
        acknowledged.extend(live(&file, next, 0, Some(Duration::from_millis(random.u64(5..120)))));
    }
    let next = acknowledged.last().map_or(0, |last| last + 1);
    let missing = ROWS.saturating_sub(acknowledged.len() as u64).max(1);
    acknowledged.extend(live(&file, next, missing, None));
    assert!(acknowledged.len() as u64 >= ROWS);

    // Opening cuts off what the last kill tore.
    drop(NdjsonSink::open(&file).unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n'));
    let rows: Vec<AuditEntry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept: BTreeSet<u64> = rows.iter().map(|row| row.bytes_read.unwrap()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !kept.contains(number)).collect();
    assert_eq!(lost, Vec::<&u64>::new());
    let ids: Vec<_> = rows.iter().map(|row| row.attempt_id.clone().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "ids are not strictly increasing");
}

/// A log of 600 rows in pages of 50, newest first, as EdgeGate serves it.
struct Log;

const LOGGED: i64 = 600;

impl AuditSource for Log {
    fn rows(&self, since: Option<Timestamp>) -> Listing<Value, i64> {
        Listing::new(None, move |cursor| Self::page(since, cursor))
    }
}

impl Log {
    async fn page(since: Option<Timestamp>, cursor: Option<i64>) -> Result<Page<Value, i64>> {
        let below = cursor.unwrap_or(LOGGED + 1);
        let time = |id: i64| Timestamp::from_millisecond(1_780_000_000_000 + id * 10_000);
        let rows: Vec<Value> = (1..below)
            .rev()
            .filter(|id| since.is_none_or(|since| time(*id) > since))
            .take(50)
            .map(|id| json!({"id": id, "ts": time(id).to_string(), "outcome": "success"}))
            .collect();
        let last = rows.last().and_then(|row| row["id"].as_i64()).filter(|_| rows.len() == 50);
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(Page::new(rows, last))
    }
}

#[test]
fn child_exports() {
    let Ok(dir) = std::env::var(CHILD_EXPORT) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        loop {
            AuditExport::to(&dir).overlap(Duration::from_secs(60)).pull(&Log).await.unwrap();
        }
    });
}

fn exported(dir: &Path) -> BTreeSet<i64> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "ndjson"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            rows.into_iter().map(|row| row["id"].as_i64().unwrap())
        })
        .collect()
}

#[test]
fn an_export_killed_fifty_times_holds_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(50);
    for _ in 0..50 {
        let mut child = child("child_exports").env(CHILD_EXPORT, dir.path()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(1..60)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(AuditExport::to(dir.path()).pull(&Log)).unwrap();
    assert_eq!(exported(dir.path()), (1..=LOGGED).collect());
}
