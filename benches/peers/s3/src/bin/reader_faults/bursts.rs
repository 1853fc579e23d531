//! One read through a minute of SlowDown in bursts.

use std::time::{Duration, Instant};

use anyhow::Context;
use cube_sdk_byo::{S3Uri, Sha256, Storage};
use cube_sdk_testkit::aws::{AwsWorld, Effect, Fault, Object};
use futures_util::StreamExt;

const KEY: &str = "bursts.bin";
/// Large enough to outlast the minute at the double's pace.
pub(super) const MIB: u64 = 1024;
const RATE: u64 = 1 << 20;
const BURST: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(60);

pub(super) async fn read(mib: u64) -> anyhow::Result<()> {
    let world = AwsWorld::builder().rate_per_connection(RATE).start().await?;
    let (card, size) = (world.card(), mib << 20);
    let object = Object::generated(60, size);
    world.put_object(&card.bucket, KEY, object.clone())?;
    let digest: Sha256 = object.sha256().parse()?;
    let storage = Storage::builder()
        .keys(card.admin.access_key_id.clone(), card.admin.secret_access_key.clone(), None)
        .endpoint_url(card.endpoint_url.parse().context("the double's URL")?)
        .build()?;
    let session = storage.own_session(&card.bucket, &card.region)?;
    let uri: S3Uri = format!("s3://{}/{KEY}", card.bucket).parse()?;

    // The double counts by seconds since its start: so do the bursts, nearly.
    let slow = Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject");
    let fault = world.faults().add(slow.bursts(BURST, EVERY, TOTAL));
    let offset = world.traffic().per_second("GetObject").len();
    let began = Instant::now();
    let mut reader = session.open(uri).expect_sha256(digest).await?;
    let (mut at, mut wrong) = (0, None);
    while let Some(chunk) = reader.next().await {
        let chunk = chunk.with_context(|| format!("gave up at {at} after {:?}", began.elapsed()))?;
        let end = at + chunk.len() as u64;
        if wrong.is_none() && object.read(at..end) != chunk {
            wrong = Some(at);
        }
        at = end;
    }
    let took = began.elapsed();
    println!(
        "{mib} MiB in {:.1} s, {} requests refused, wrong from {wrong:?}",
        took.as_secs_f64(),
        world.faults().fired(fault)
    );
    println!();
    println!("| s | GETs in each second of the burst | and of the pause |");
    println!("|---|---|---|");
    let per_second = world.traffic().per_second("GetObject");
    let seconds: Vec<u64> = per_second.into_iter().skip(offset).collect();
    for (turn, ten) in seconds.chunks(EVERY.as_secs() as usize).enumerate() {
        let (burst, pause) = ten.split_at(ten.len().min(BURST.as_secs() as usize));
        println!("| {} | {burst:?} | {pause:?} |", turn * 10);
    }
    anyhow::ensure!(at == size && wrong.is_none(), "{at} of {size} bytes, wrong from {wrong:?}");
    anyhow::ensure!(took > TOTAL, "the read was over before the minute was");
    Ok(())
}
