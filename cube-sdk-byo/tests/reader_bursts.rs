//! A minute of SlowDown in bursts, with default settings, on a clock that runs faster than the machine's.
#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::time::Duration;

use cube_sdk_byo::audit::{MemorySink, Recorder};
use cube_sdk_byo::{Scope, Storage};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;
use tokio::time::Instant;
use world::{Account, KEY, hurry};

const SECOND: Duration = Duration::from_secs(1);
const BURST: u64 = 5;
const EVERY: u64 = 10;
const TOTAL: u64 = 60;

#[tokio::test(start_paused = true)]
async fn a_minute_of_slow_down_in_bursts_costs_no_byte_and_lowers_the_rate() {
    // Slow enough for the read to outlast the minute.
    let world = AwsWorld::builder().rate_per_connection(192 << 10).start().await.unwrap();
    let audit = MemorySink::default();
    let storage = Storage::builder()
        .keys(&world.card().worker.access_key_id, world.card().worker.secret_access_key.clone(), None)
        .endpoint_url(world.endpoint_url().parse().unwrap())
        .audit(Recorder::new(audit.clone()))
        .build()
        .unwrap();
    let account = Account { world, audit, storage };
    let object = Object::generated(60, 192 << 20);
    let (uri, digest) = (account.put(object.clone()), object.sha256().parse::<cube_sdk_byo::Sha256>().unwrap());
    let session = account.storage.session(&account.grant(), Scope::Object(KEY.parse().unwrap()));

    let clock = tokio::spawn(hurry());
    // Patience and retries as they are; small parts, so that there is a rate to look at.
    let mut reader = session.open(uri).expect_sha256(digest).part_size(256 << 10).await.unwrap();
    let slow = Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject");
    let fault =
        account.world.faults().add(slow.bursts(BURST as u32 * SECOND, EVERY as u32 * SECOND, TOTAL as u32 * SECOND));
    let begun = Instant::now();
    let mut seen = vec![Seen::default()];
    let mut look = tokio::time::interval(SECOND / 20);
    let mut got = 0;
    loop {
        tokio::select! {
            chunk = reader.next() => match chunk {
                Some(chunk) => got += chunk.unwrap().len() as u64,
                None => break,
            },
            _ = look.tick() => {
                let (requests, refused) = (account.world.traffic().served("GetObject"), account.world.faults().fired(fault));
                seen.push(Seen { at: begun.elapsed(), requests, refused });
            }
        }
    }
    clock.abort();
    assert_eq!((got, reader.sha256()), (object.size(), Some(digest)));
    let took = begun.elapsed();
    assert!(took >= TOTAL as u32 * SECOND, "the read was over after {took:?}");

    let (mut struck, mut quiet) = (0, 0);
    for burst in (0..TOTAL).step_by(EVERY as usize) {
        let within = |look: &&Seen| (burst..burst + BURST).contains(&look.at.as_secs());
        let looks: Vec<_> = seen.iter().filter(within).collect();
        let before = looks.first().map_or(0, |look| look.refused);
        let Some(first) = looks.iter().position(|look| look.refused > before) else { continue };
        struck += 1;
        // What was on its way with the first refusal is there at the next look.
        let after = looks.get(first + 2..).unwrap_or_default();
        let asked = after.last().map_or(0, |last| last.requests) - after.first().map_or(0, |first| first.requests);
        quiet += asked;
        // Waits from half a second on, doubling: some four of them, whoever many parts there are.
        assert!(asked <= 4, "{asked} requests in the rest of the burst at {burst} s: {after:?}");
    }
    assert!(struck >= 2, "the bursts must strike: {struck}");
    let last = seen.last().unwrap();
    let rate = (last.requests - quiet) as f64 / took.as_secs_f64();
    assert!(rate > 3.0, "{rate} requests a second outside of the bursts: nothing fell");
}

/// What the double had seen at a moment.
#[derive(Debug, Default)]
struct Seen {
    at: Duration,
    requests: u64,
    refused: u64,
}
