//! aws-sdk-s3 as its documentation uses it.

use anyhow::Context;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::{NullSink, REQUESTS, Read};
use crate::object::hex;

/// A client with the SDK's defaults.
pub(crate) fn client(read: &Read) -> anyhow::Result<Client> {
    let keys = Credentials::new(
        std::env::var("AWS_ACCESS_KEY_ID").context("AWS_ACCESS_KEY_ID")?,
        std::env::var("AWS_SECRET_ACCESS_KEY").context("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "environment",
    );
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&read.endpoint)
        .force_path_style(true)
        .credentials_provider(keys)
        .build();
    Ok(Client::from_conf(config))
}

/// A whole object's body.
pub(crate) async fn open(client: &Client, read: &Read) -> anyhow::Result<ByteStream> {
    Ok(client.get_object().bucket(&read.bucket).key(&read.key).send().await?.body)
}

/// One GET, chunk by chunk.
pub(crate) async fn stream(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    let mut body = open(&client(read)?, read).await?;
    while let Some(chunk) = body.next().await {
        sink.take(chunk?);
    }
    Ok(())
}

/// One GET with SHA-256 in the same task.
pub(crate) async fn stream_digest(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    let mut body = open(&client(read)?, read).await?;
    let mut digest = Sha256::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        digest.update(&chunk);
        sink.take(chunk);
    }
    check(read, digest)
}

/// Ranged GETs, delivered in order.
pub(crate) async fn ranged(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    in_order(read, |chunk| sink.take(chunk)).await
}

/// Ranged GETs, delivered in order, hashed where they arrive.
pub(crate) async fn ranged_digest(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    let mut digest = Sha256::new();
    in_order(read, |chunk| {
        digest.update(&chunk);
        sink.take(chunk);
    })
    .await?;
    check(read, digest)
}

async fn in_order(read: &Read, mut take: impl FnMut(Bytes)) -> anyhow::Result<()> {
    let client = client(read)?;
    let mut parts = stream::iter(read.parts())
        .map(|(first, last)| {
            let request =
                client.get_object().bucket(&read.bucket).key(&read.key).range(format!("bytes={first}-{last}"));
            // A task for each part: the SDK's work then uses every core, not only that of the consumer.
            tokio::spawn(async move {
                let mut body = request.send().await?.body;
                let mut chunks = Vec::new();
                while let Some(chunk) = body.next().await {
                    chunks.push(chunk?);
                }
                anyhow::Ok(chunks)
            })
        })
        .buffered(REQUESTS);
    while let Some(part) = parts.next().await {
        for chunk in part?? {
            take(chunk);
        }
    }
    Ok(())
}

fn check(read: &Read, digest: Sha256) -> anyhow::Result<()> {
    let found = hex(&digest.finalize());
    anyhow::ensure!(read.sha256.as_ref().is_none_or(|wanted| *wanted == found), "the digest is {found}");
    Ok(())
}
