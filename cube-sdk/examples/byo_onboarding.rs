//! A customer's bucket from the first External ID to a verified read, on the embedded world:
//! `cargo run -p cube-sdk --features s3 --example byo_onboarding`.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use cube_sdk::prelude::*;
use cube_sdk_server::local::World;

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start().await?;
    let cube = Cube::builder().environment(world.environment()).build();
    let card = world.card();
    let byo = cube.edgegate()?.workspace(&card.edgegate.workspace).byo();

    // 1. EdgeGate mints an External ID; the customer's administrator runs the script, which makes the role.
    let setup = byo.setup(&card.aws.bucket, &card.aws.region).await?;
    println!("{}", setup.role.aws_cli().create_role_script());

    // 2. The role is attached and probed at once. One that does not admit us says so with a code and what to do.
    let grant = setup.attach_role(&card.aws.bad_role_arn).await?;
    if let Some(fault) = grant.failure() {
        println!("{}: {}", fault.code(), fault.code().fix());
    }
    byo.disconnect().await?;
    let grant = byo.register(&card.aws.role_arn, &card.aws.bucket, &card.aws.region).await?;
    println!("the grant is {}", grant.status);

    // 3. The model is registered by reference: one HeadObject, no byte moves.
    let uri = format!("s3://{}/{}", card.aws.bucket, card.aws.object_key);
    let model = byo.register_artifact(uri).expected_sha256(&card.aws.object_sha256).await?;

    // 4. A worker reads it straight from the bucket, by a session of the customer's role; the file is there when the
    //    digest was right, and not before.
    let folder = tempfile::tempdir().map_err(|cause| Error::io("making a folder", cause))?;
    let session = cube.storage()?.session(&GrantRef::try_from(&grant)?, Scope::Bucket);
    let read = session
        .open(model.s3_uri()?)
        .expect_sha256(&card.aws.object_sha256)
        .read_to_file(folder.path().join("model.onnx"))
        .await?;
    println!("{} bytes, sha256 {}", read.bytes, read.sha256);

    // 5. Each call that EdgeGate made has its row, with the id that AWS gave it.
    let mut rows = byo.audit().stream();
    while let Some(row) = rows.try_next().await? {
        println!("{} {} {}", row.event_type, row.outcome, row.aws_request_id.as_deref().unwrap_or("-"));
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
