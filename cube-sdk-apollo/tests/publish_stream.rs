//! A long blob goes out without being held. Alone in its process, whose memory is measured.
//!
//! `CUBE_LONG_BLOB_MIB=2048` makes it 2 GiB.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cube_sdk_apollo::publish::{Registry, RegistryHost, Repository};
use cube_sdk_core::config::Environment;
use cube_sdk_testkit::apollo::registry::{Fault, Guard, Registry as Double};

/// 256 MiB go out without being held: the double keeps no blob of that length, and this process grows by less than 32 MiB.
#[tokio::test]
async fn a_long_blob_streams() {
    let double = Double::start(Guard::Open).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("long");
    let length = std::env::var("CUBE_LONG_BLOB_MIB").map_or(256, |mib| mib.parse().unwrap()) * 1024 * 1024;
    fs::File::create(&file).unwrap().set_len(length).unwrap();
    for _ in 0..3 {
        double.inject("PATCH", Fault::DropAfter(20_000_000));
    }
    let rss = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().to_owned();
        line.strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() / 1024
    };
    let most = Arc::new(AtomicU64::new(0));
    let (before, watch) = (rss(), Arc::clone(&most));
    let watching = tokio::spawn(async move {
        loop {
            let now = rss();
            watch.fetch_max(now, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let repository = Repository::parse("charts/com.example/web").unwrap();
    let registry = Registry::builder(RegistryHost::parse(&double.host()).unwrap()).plain_http().anonymous();
    let registry = registry.environment(Environment::from_pairs([("NO_PROXY", "*")])).build().unwrap();
    let digest = registry.push_file(&repository, &file).await.unwrap();
    watching.abort();
    assert_eq!(double.blob(repository.as_str(), digest.as_str()), Some(length));
    let grown = most.load(Ordering::Relaxed).saturating_sub(before);
    assert!(grown < 32, "grew by {grown} MiB");
}
