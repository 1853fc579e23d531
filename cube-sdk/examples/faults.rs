//! A test of one's own code in bad weather, on the embedded world: `cargo run -p cube-sdk --features s3 --example faults`.
//!
//! Bodies break off and S3 answers SlowDown: the reader goes on where it stopped, and hands out the object's bytes. Then the
//! object itself is damaged: the reader refuses it, and no file is left.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use cube_sdk::byo::ExternalId;
use cube_sdk::prelude::*;
use cube_sdk_server::local::World;
use cube_sdk_testkit::aws::{Effect, Fault};

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start().await?;
    let cube = Cube::builder().environment(world.environment()).build();
    let card = &world.card().aws;
    let external_id = ExternalId::try_from("c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90")?;
    let grant = GrantRef::new(card.role_arn.parse()?, external_id, card.bucket.parse()?, card.region.parse()?);
    let session = cube.storage()?.session(&grant, Scope::Bucket);
    let uri = format!("s3://{}/{}", card.bucket, card.object_key);
    let folder = tempfile::tempdir().map_err(|cause| Error::io("making a folder", cause))?;

    let faults = world.aws().faults();
    let resets = faults.add(Fault::new(Effect::ResetBody { after: 65_536 }).on("GetObject").times(3));
    let busy = faults.add(Fault::new(Effect::SlowDown { retry_after: None }).on("GetObject").nth(2));
    let path = folder.path().join("model.onnx");
    let read = session.open(&uri).expect_sha256(&card.object_sha256).read_to_file(&path).await?;
    assert_eq!(read.sha256.to_string(), card.object_sha256);
    println!("{} bytes, whole, after {} resets and {} SlowDown", read.bytes, faults.fired(resets), faults.fired(busy));

    // Another digest is what a damaged object looks like.
    let wrong = "0000000000000000000000000000000000000000000000000000000000000000";
    let path = folder.path().join("damaged.onnx");
    match session.open(&uri).expect_sha256(wrong).read_to_file(&path).await {
        Err(error) if error.kind() == ErrorKind::Integrity => println!("{error}"),
        Err(error) => return Err(error),
        Ok(_) => unreachable!("the digest is not the object's"),
    }
    assert!(!path.exists());
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
