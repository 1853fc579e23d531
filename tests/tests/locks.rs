//! What holds a lock gives it back at once, whatever processes are started meanwhile: a child holds every descriptor of its
//! parent until its exec.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cube_sdk::byo::audit::NdjsonSink;
use cube_sdk_core::ErrorKind;
use cube_sdk_core::file_claim::FileClaim;

/// Starts processes from two threads for as long as it lives.
struct Spawning {
    over: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Spawning {
    fn start() -> Self {
        let (over, count) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let threads = (0..2).map(|_| {
            let (over, count) = (Arc::clone(&over), Arc::clone(&count));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let status = Command::new("true").status().unwrap();
                    assert!(status.success());
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let threads = threads.collect();
        Self { over, count, threads }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_lock_that_was_given_back_is_free_beside_two_thousand_processes() {
    let dir = tempfile::tempdir().unwrap();
    let (rows, claimed) = (dir.path().join("audit.ndjson"), dir.path().join("claim"));
    let spawning = Spawning::start();
    let mut rounds = 0;
    while spawning.count() < 2_000 || rounds < 2_000 {
        let sink = NdjsonSink::open(&rows).unwrap_or_else(|error| panic!("round {rounds}: {error}"));
        drop(sink);
        let claim = FileClaim::take(File::create(&claimed).unwrap()).unwrap();
        assert!(claim.is_some(), "round {rounds}: the claim was not given back");
        rounds += 1;
    }
    let held = NdjsonSink::open(&rows).unwrap();
    assert_eq!(NdjsonSink::open(&rows).unwrap_err().kind(), ErrorKind::Conflict);
    drop(held);
    spawning.end();
}
