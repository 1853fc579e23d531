//! One hundred seeds: resets, truncation, refusals, slow bodies and expiring sessions at random points.
//! Every read delivers exactly the bytes, or a typed error.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::time::Duration;

use cube_sdk_byo::audit::{AuditEvent, AuditOutcome};
use cube_sdk_core::ErrorKind;
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use world::account_with;

const KIB: u64 = 1024;
const SIZE: u64 = 16 * 1024 * KIB;
const SEEDS: u64 = 100;

/// SplitMix64: the same faults for the same seed on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % below
    }

    fn effect(&mut self) -> Effect {
        let after = self.roll(256 * KIB);
        match self.roll(7) {
            0 => Effect::ResetBody { after },
            1 => Effect::TruncateBody { after },
            2 => Effect::SlowDown { retry_after: None },
            3 => Effect::InternalError,
            4 => Effect::SlowBody { bytes_per_second: 8 * 1024 * KIB },
            5 => Effect::ExpireSessions,
            _ => Effect::DropConnection,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_seeds_of_trouble() {
    // One budget for all seeds: what a client would spend on a hundred reads in trouble.
    let account = account_with(AwsWorld::builder(), |storage| storage).await;
    let object = Object::generated(77, SIZE);
    let (expected, digest) = (object.read(0..SIZE), object.sha256());
    let uri = account.put(object);
    let (mut good, mut fired, mut errors) = (0, 0, Vec::new());
    for seed in 0..SEEDS {
        let faults = account.world.faults();
        faults.clear();
        let mut dice = Dice(seed);
        let ids: Vec<_> = (0..6)
            .map(|_| {
                let fault = Fault::new(dice.effect()).on("GetObject");
                faults.add(match dice.roll(2) {
                    0 => fault.nth(1 + dice.roll(60)),
                    _ => fault.probability(0.03, seed).times(5),
                })
            })
            .collect();
        let open =
            account.session().open(uri.clone()).part_size(256 * KIB).budget(4 * 1024 * KIB).expect_sha256(&digest);
        let outcome = async {
            let mut reader = open.await?;
            let mut all = Vec::with_capacity(expected.len());
            while let Some(chunk) = reader.next().await {
                all.extend_from_slice(&chunk?);
                assert!(reader.accounted() <= 4 * 1024 * KIB);
            }
            Ok::<_, cube_sdk_core::Error>(all)
        };
        match tokio::time::timeout(Duration::from_secs(60), outcome).await.expect("no read hangs") {
            Ok(all) => {
                assert!(all == expected, "seed {seed}: other bytes than the object's");
                good += 1;
            }
            Err(error) => {
                let typed = error.is_transient() || error.kind() == ErrorKind::Unauthenticated;
                assert!(typed, "seed {seed}: {error}");
                errors.push(format!("seed {seed}: {error}"));
            }
        }
        fired += ids.iter().map(|id| account.world.faults().fired(*id)).sum::<u64>();
    }
    assert!(fired > 2 * SEEDS, "the faults must strike: {fired}");
    assert_eq!(good, SEEDS, "every read comes through: {errors:#?}");
    let gets = account.audit.entries().into_iter().filter(|row| row.event_type == AuditEvent::GetObject);
    let firsts =
        gets.filter(|row| row.outcome == AuditOutcome::Success || row.error_code.as_deref() != Some("transport"));
    assert!(firsts.count() as u64 >= account.world.traffic().served("GetObject") / 2);
}
