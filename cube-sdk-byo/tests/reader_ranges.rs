//! Many ranges in one call: bytes, order, merging, rows, and what is refused.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::single_range_in_vec_init)]

mod world;

use std::ops::Range;

use cube_sdk_byo::audit::AuditEvent;
use cube_sdk_byo::{ByoCode, ByoErrorExt, Sha256};
use cube_sdk_core::ErrorKind;
use cube_sdk_core::error::Sent;
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use world::{Account, account, account_with};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

async fn right(account: &Account, object: &Object, ranges: &[Range<u64>]) {
    let found = account.session().open(account.uri(world::KEY)).read_ranges(ranges).await.unwrap();
    assert_eq!(found.len(), ranges.len());
    for (range, bytes) in ranges.iter().zip(found) {
        assert!(bytes == object.read(range.clone()), "{range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_come_in_the_callers_order_whatever_goes_wrong() {
    let account = account().await;
    let object = Object::generated(70, 24 * MIB);
    account.put(object.clone());
    let mut dice = fastrand::Rng::with_seed(70);
    for seed in 0..10 {
        account.world.faults().clear();
        for effect in
            [Effect::ResetBody { after: 10 * KIB }, Effect::InternalError, Effect::SlowDown { retry_after: None }]
        {
            account.world.faults().add(Fault::new(effect).on("GetObject").probability(0.1, seed));
        }
        let ranges: Vec<_> = (0..dice.usize(1..60))
            .map(|_| {
                let length = if dice.u8(0..10) == 0 { dice.u64(1..6 * MIB) } else { dice.u64(1..20 * KIB) };
                let start = dice.u64(0..24 * MIB - length);
                start..start + length
            })
            .take_while({
                let mut sum = 0;
                move |range| {
                    sum += range.end - range.start;
                    sum < 60 * MIB
                }
            })
            .collect();
        right(&account, &object, &ranges).await;
    }
}

#[tokio::test]
async fn near_ranges_share_a_request_and_each_request_has_a_row() {
    let account = account_with(AwsWorld::builder().request_log(), |storage| storage).await;
    let object = Object::generated(71, 24 * MIB);
    account.put(object.clone());
    let ranges: Vec<_> = (0..100).map(|n| n * 10 * KIB..n * 10 * KIB + 100).chain([20 * MIB..20 * MIB + 7]).collect();
    right(&account, &object, &ranges).await;
    let gets: Vec<_> =
        account.world.requests().into_iter().filter(|request| request.operation == "GetObject").collect();
    let asked: Vec<_> = gets.iter().map(|request| request.range.clone().unwrap()).collect();
    assert_eq!(asked, ["bytes=0-1013859", "bytes=20971520-20971526"]);
    assert_eq!((gets[0].if_match.is_some(), gets[1].if_match.is_some()), (false, true), "the first pins the rest");
    let rows = account.audit.entries();
    let rows: Vec<_> = rows.iter().filter(|row| row.event_type == AuditEvent::GetObject).collect();
    assert_eq!(rows.iter().map(|row| row.bytes_read.unwrap()).collect::<Vec<_>>(), [1_013_860, 7]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_is_sent() {
    let account = account().await;
    let uri = account.put(Object::generated(72, MIB));
    let open = || account.session().open(uri.clone());
    #[allow(clippy::reversed_empty_ranges)]
    let refused = [
        open().read_ranges(&[0..5, 7..7]).await,
        open().read_ranges(&[9..3]).await,
        open().budget(256 * KIB).read_ranges(&[0..200 * KIB, 0..200 * KIB]).await,
        open().read_ranges(&[0..u64::MAX, 0..u64::MAX]).await,
        open().expect_size(100).read_ranges(&[0..101]).await,
        open().range(0..9).read_ranges(&[0..5]).await,
        open().expect_sha256(Sha256::of(b"")).read_ranges(&[0..5]).await,
        open().verify_stored_checksum().read_ranges(&[0..5]).await,
    ];
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.sent()), (ErrorKind::InvalidInput, Sent::No), "{error}");
        assert_eq!(error.target(), Some(uri.to_string().as_str()));
    }
    assert_eq!(open().read_ranges(&[]).await.unwrap().len(), 0);
    assert_eq!(account.audit.entries().len(), 0, "nothing was sent");
}

#[tokio::test]
async fn the_objects_end_and_its_version_are_heeded() {
    let account = account().await;
    let uri = account.put(Object::generated(73, MIB));
    let open = || account.session().open(uri.clone());
    for ranges in [vec![0..5, MIB - 1..MIB + 1], vec![2 * MIB..2 * MIB + 1], vec![MIB..MIB + 1]] {
        let error = open().read_ranges(&ranges).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("behind"), "{error}");
    }
    assert_eq!(account.world.traffic().served("GetObject"), 3, "the first answer tells");
    let size = open().expect_size(2 * MIB).read_ranges(&[0..5]).await.unwrap_err();
    assert_eq!(size.byo().unwrap().code(), &ByoCode::SizeMismatch);
    let pinned = open().if_match("\"else\"").read_ranges(&[0..5]).await.unwrap_err();
    assert_eq!(pinned.kind(), ErrorKind::Integrity);
    account.world.faults().add(Fault::new(Effect::Overwrite(Object::generated(74, MIB))).on("GetObject").nth(2));
    let changed = open().read_ranges(&[0..5, MIB - 5..MIB]).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::Integrity, "{changed}");
}
