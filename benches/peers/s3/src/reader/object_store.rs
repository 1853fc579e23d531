//! object_store with its S3 backend.

use anyhow::Context;
use futures_util::{StreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;

use super::{NullSink, REQUESTS, Read};

fn store(read: &Read) -> anyhow::Result<AmazonS3> {
    Ok(AmazonS3Builder::new()
        .with_region("us-east-1")
        .with_endpoint(&read.endpoint)
        .with_allow_http(true)
        .with_bucket_name(&read.bucket)
        .with_access_key_id(std::env::var("AWS_ACCESS_KEY_ID").context("AWS_ACCESS_KEY_ID")?)
        .with_secret_access_key(std::env::var("AWS_SECRET_ACCESS_KEY").context("AWS_SECRET_ACCESS_KEY")?)
        .build()?)
}

/// One get, chunk by chunk.
pub(crate) async fn stream(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    let mut body = store(read)?.get(&Path::from(read.key.as_str())).await?.into_stream();
    while let Some(chunk) = body.next().await {
        sink.take(chunk?);
    }
    Ok(())
}

/// Ranged gets, delivered in order.
pub(crate) async fn ranged(read: &Read, sink: &mut NullSink) -> anyhow::Result<()> {
    let store = std::sync::Arc::new(store(read)?);
    let path = Path::from(read.key.as_str());
    let mut parts = stream::iter(read.parts())
        .map(|(first, last)| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(async move { store.get_range(&path, first..last + 1).await })
        })
        .buffered(REQUESTS);
    while let Some(part) = parts.next().await {
        sink.take(part??);
    }
    Ok(())
}
