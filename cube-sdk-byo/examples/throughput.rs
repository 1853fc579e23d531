//! How fast the reader runs on this machine: a generated object from the account double, over loopback.
//!
//! `cargo run --release -p cube-sdk-byo --features s3 --example throughput -- [MiB] [bytes/s per connection]`.
//! The double runs in the same process and costs CPU of its own: compare runs, not machines.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use cube_sdk_byo::Storage;
use cube_sdk_testkit::aws::{AwsWorld, Object};
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let size = args.next().map_or(Ok(256), |text| text.parse::<u64>())? * 1024 * 1024;
    let mut world = AwsWorld::builder();
    if let Some(rate) = args.next() {
        world = world.rate_per_connection(rate.parse()?);
    }
    let world = world.start().await?;
    let card = world.card();
    world.put_object(&card.bucket, "throughput", Object::generated(1, size))?;
    let storage = Storage::builder()
        .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
        .endpoint_url(world.endpoint_url().parse()?)
        .build()?;
    let session = storage.own_session(&card.bucket, &card.region)?;
    for digest in [false, true] {
        let open = session.open(format!("s3://{}/throughput", card.bucket));
        let mut reader = if digest { open.compute_sha256() } else { open }.await?;
        let (mut first, mut most) = (None, 0);
        while let Some(chunk) = reader.next().await {
            chunk?;
            first.get_or_insert(reader.stats().elapsed);
            most = most.max(reader.accounted());
        }
        let stats = reader.stats();
        println!(
            "digest {digest}: {:.0} MiB/s, first chunk {:.1} ms, {} requests, {} parts allowed, {:.1} MiB at most",
            size as f64 / 1048576.0 / stats.elapsed.as_secs_f64(),
            first.unwrap_or_default().as_secs_f64() * 1e3,
            stats.requests,
            stats.target,
            most as f64 / 1048576.0,
        );
    }
    Ok(())
}
