//! Who made an ONNX model, from its first bytes: one ranged GET of at most 4 KiB instead of the whole file, on the
//! embedded world: `cargo run -p cube-sdk --features s3 --example onnx_header`.
//!
//! An ONNX file is one Protocol Buffers message; `ir_version` and the producer are its first fields.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use cube_sdk::byo::ExternalId;
use cube_sdk::prelude::*;
use cube_sdk_server::local::World;
use prost::Message;

/// The fields of ONNX's `ModelProto` that are asked for; others are passed over.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer: String,
    #[prost(string, tag = "3")]
    producer_version: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start().await?;
    let cube = Cube::builder().environment(world.environment()).build();
    let card = &world.card().aws;

    let external_id = ExternalId::try_from("c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90")?;
    let grant = GrantRef::new(card.role_arn.parse()?, external_id, card.bucket.parse()?, card.region.parse()?);
    let session = cube.storage()?.session(&grant, Scope::Bucket);
    let uri = format!("s3://{}/{}", card.bucket, card.object_key);

    let end = card.object_size.min(4096);
    let mut bytes = Vec::new();
    let mut reader = session.open(uri).range(0..end).await?;
    while let Some(chunk) = reader.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    let mut header = Header::default();
    // The bytes end within the graph, which is an error of this format; what stood before it has been taken in by then.
    let _ = header.merge(bytes.as_slice());
    println!("ONNX IR {} by {} {}", header.ir_version, header.producer, header.producer_version);
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
