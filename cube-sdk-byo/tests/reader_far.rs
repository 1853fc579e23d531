//! A small budget and a store far away: each answer is late, so that as many small parts are asked for as the budget holds.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cube_sdk_byo::reader::ReaderEvent;
use cube_sdk_testkit::aws::{Effect, Fault, Object};
use futures_util::StreamExt;
use world::account;

const MIB: u64 = 1 << 20;

/// The most parts that were in flight at once, and that the accounts held.
async fn read(late: Option<Duration>, budget: u64, most: Option<usize>) -> (usize, u64) {
    let account = account().await;
    let object = Object::generated(7, 48 * MIB);
    let uri = account.put(object.clone());
    if let Some(late) = late {
        account.world.faults().add(Fault::new(Effect::Latency(late)).on("GetObject"));
    }
    let peak = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&peak);
    let mut open = account.session().open(uri).budget(budget).progress(move |event| {
        if let ReaderEvent::Progress(stats) = event {
            seen.fetch_max(stats.target, Ordering::Relaxed);
        }
    });
    if let Some(most) = most {
        open = open.concurrency(most);
    }
    let mut reader = open.await.unwrap();
    let (mut at, mut accounted) = (0, 0);
    while let Some(chunk) = reader.next().await {
        let chunk = chunk.unwrap();
        accounted = accounted.max(reader.accounted());
        let end = at + chunk.len() as u64;
        assert_eq!(chunk, object.read(at..end), "at {at}");
        at = end;
    }
    assert_eq!(at, 48 * MIB);
    (peak.load(Ordering::Relaxed), accounted)
}

#[tokio::test]
async fn late_answers_are_asked_for_side_by_side() {
    let late = Some(Duration::from_millis(20));
    let (parts, accounted) = read(late, 16 * MIB, None).await;
    assert_eq!(parts, 60);
    assert!(accounted <= 15 * MIB, "{accounted}");
    let (parts, accounted) = read(late, 2 * MIB, None).await;
    assert!((8..=32).contains(&parts), "{parts}");
    assert!(accounted <= 2 * MIB, "{accounted}");
    assert!(read(late, 16 * MIB, Some(5)).await.0 <= 5, "the caller's bound holds");
}

/// Answers that come while nobody takes bytes are left where they are, and the read goes on from there.
#[tokio::test]
async fn a_caller_that_pauses_is_not_overrun() {
    let account = account().await;
    let object = Object::generated(8, 48 * MIB);
    let uri = account.put(object.clone());
    account.world.faults().add(Fault::new(Effect::Latency(Duration::from_millis(20))).on("GetObject"));
    let mut reader = account.session().open(uri).budget(4 * MIB).await.unwrap();
    let (mut at, mut pauses) = (0, 0);
    while let Some(chunk) = reader.next().await {
        let chunk = chunk.unwrap();
        let end = at + chunk.len() as u64;
        assert_eq!(chunk, object.read(at..end), "at {at}");
        if at / (12 * MIB) < end / (12 * MIB) {
            pauses += 1;
            // What is under way ends, and nothing more is asked for.
            let mut requests = 0;
            while requests != reader.stats().requests {
                requests = reader.stats().requests;
                tokio::time::sleep(Duration::from_millis(200)).await;
                assert!(reader.accounted() <= 4 * MIB, "{}", reader.accounted());
                assert!(at == 48 * MIB || end == 48 * MIB || reader.stats().received < 48 * MIB, "it reads on");
            }
        }
        at = end;
    }
    assert_eq!((at, pauses), (48 * MIB, 4));
}

#[tokio::test]
async fn large_budgets_are_as_they_were() {
    assert!(read(Some(Duration::from_millis(20)), 64 * MIB, None).await.0 <= 32);
}
