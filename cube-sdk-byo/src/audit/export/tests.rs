#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use cube_sdk_core::listing::Page;
use serde_json::json;

use super::*;

/// A log like EdgeGate's: newest first, pages by id, `since` exclusive.
#[derive(Clone, Default)]
struct Log {
    rows: Arc<Mutex<Vec<(i64, Timestamp)>>>,
    pages_left: Arc<AtomicI64>,
}

impl Log {
    fn with_rows(count: i64) -> Self {
        let log = Self { pages_left: Arc::new(AtomicI64::new(i64::MAX)), ..Self::default() };
        log.add(1..=count);
        log
    }

    fn add(&self, ids: std::ops::RangeInclusive<i64>) {
        self.rows.lock().unwrap().extend(ids.map(|id| (id, Timestamp::from_millisecond(id * 10_000))));
    }
}

impl Log {
    fn page(&self, since: Option<Timestamp>, cursor: Option<i64>) -> Result<Page<Value, i64>> {
        if self.pages_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(Error::new(ErrorKind::Unavailable, "down"));
        }
        let mut rows = self.rows.lock().unwrap().clone();
        rows.sort_by_key(|(id, _)| -id);
        let mut rows = rows.into_iter().filter(|(id, ts)| Some(*ts) > since && cursor.is_none_or(|below| *id < below));
        let page: Vec<_> = rows.by_ref().take(7).collect();
        let next_cursor = rows.next().and(page.last().map(|(id, _)| *id));
        let rows = page.into_iter().map(|(id, ts)| json!({"id": id, "ts": ts, "odd": {"kept": true}})).collect();
        Ok(Page::new(rows, next_cursor))
    }
}

impl AuditSource for Log {
    fn rows(&self, since: Option<Timestamp>) -> Listing<Value, i64> {
        let log = self.clone();
        Listing::new(None, move |cursor| std::future::ready(log.page(since, cursor)))
    }
}

fn exported(folder: &Path) -> Vec<i64> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "ndjson"));
    let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn every_row_once_when_nothing_goes_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (export, log) = (AuditExport::to(folder.path()), Log::with_rows(50));
    assert_eq!(export.pull(&log).await.unwrap().rows, 50);
    log.add(51..=60);
    let second = export.pull(&log).await.unwrap();
    assert_eq!((second.rows, second.repeated), (10, 30), "the overlap of 5 min shows rows again, and they are dropped");
    let third = export.pull(&log).await.unwrap();
    assert_eq!((third.rows, third.file), (0, None));
    let mut ids = exported(folder.path());
    ids.sort_unstable();
    assert_eq!(ids, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_written_late_are_found_within_the_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let (export, log) = (AuditExport::to(folder.path()), Log::with_rows(5));
    log.add(7..=20);
    export.pull(&log).await.unwrap();
    log.add(6..=6);
    assert_eq!(export.pull(&log).await.unwrap().rows, 1);
}

#[tokio::test]
async fn a_failing_page_moves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (export, log) = (AuditExport::to(folder.path()), Log::with_rows(50));
    log.pages_left.store(3, Ordering::SeqCst);
    assert_eq!(export.pull(&log).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(export.load().unwrap(), ExportCursor::default());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no half-written file stays");
    log.pages_left.store(i64::MAX, Ordering::SeqCst);
    assert_eq!(export.pull(&log).await.unwrap().rows, 50);
}

#[tokio::test]
async fn killed_between_rows_and_cursor_the_union_holds_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let (export, log) = (AuditExport::to(folder.path()), Log::with_rows(0));
    let mut next = 1;
    for round in 0..20 {
        log.add(next..=next + 3);
        next += 4;
        let before = std::fs::read(folder.path().join("cursor.json")).ok();
        export.pull(&log).await.unwrap();
        if round % 3 == 0 {
            // As if the kill had come right before the cursor was renamed.
            match before {
                Some(text) => std::fs::write(folder.path().join("cursor.json"), text).unwrap(),
                None => std::fs::remove_file(folder.path().join("cursor.json")).unwrap(),
            }
        }
    }
    export.pull(&log).await.unwrap();
    let union: BTreeSet<i64> = exported(folder.path()).into_iter().collect();
    assert_eq!(union, (1..next).collect());
}

/// Names its first page again and again.
struct Endless;

impl AuditSource for Endless {
    fn rows(&self, _since: Option<Timestamp>) -> Listing<Value, i64> {
        let page = || Page::new(vec![json!({"id": 1, "ts": "2026-07-01T08:00:00Z"})], Some(1));
        Listing::new(None, move |_| std::future::ready(Ok(page())))
    }
}

#[tokio::test]
async fn a_log_without_an_end_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = AuditExport::to(folder.path()).pull(&Endless).await.unwrap_err();
    assert_eq!((error.kind(), error.truncation().is_some()), (ErrorKind::Decode, true), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
