//! Our reader, with static keys and without AssumeRole.

use std::time::{Duration, Instant};

use anyhow::Context;
use cube_sdk_byo::{S3Uri, Session, Storage};
use cube_sdk_core::transport::RootCertificates;
use futures_util::StreamExt;
use secrecy::SecretString;

use super::{NullSink, Read, sdk};
use crate::child::Said;
use crate::peer::TRUSTED;

/// How long a stalled consumer sleeps after its first chunk.
const STALL: Duration = Duration::from_secs(5);

/// A session on the server.
pub(crate) fn session(read: &Read) -> anyhow::Result<Session> {
    let secret = std::env::var("AWS_SECRET_ACCESS_KEY").context("AWS_SECRET_ACCESS_KEY")?;
    let mut storage = Storage::builder()
        .keys(std::env::var("AWS_ACCESS_KEY_ID").context("AWS_ACCESS_KEY_ID")?, SecretString::from(secret), None)
        .endpoint_url(read.endpoint.parse()?);
    if let Some(ca) = std::env::var_os(TRUSTED) {
        storage = storage.extra_ca(RootCertificates::from_pem(&std::fs::read(ca)?)?);
    }
    Ok(storage.build()?.own_session(&read.bucket, "us-east-1")?)
}

/// Reads everything as the arguments say.
pub(crate) async fn stream(read: &Read, sink: &mut NullSink) -> anyhow::Result<Said> {
    let session = session(read)?;
    if read.idle {
        return Ok(Said::default());
    }
    let began = Instant::now();
    let mut open = session.open(uri(read)?);
    if let Some(budget) = read.budget {
        open = open.budget(budget);
    }
    if let Some(size) = read.part_size {
        open = open.part_size(size);
    }
    if let Some(most) = read.concurrency {
        open = open.concurrency(most);
    }
    if read.digest {
        open = open.expect_sha256(read.sha256.as_ref().context("--sha256")?);
    }
    if read.stored {
        open = open.verify_stored_checksum();
    }
    if read.trace {
        open = open.progress(|event| eprintln!("{event:?}"));
    }
    let mut reader = open.await?;
    let mut accounted = reader.accounted();
    let mut first = true;
    while let Some(chunk) = reader.next().await {
        accounted = accounted.max(reader.accounted());
        sink.take(chunk?);
        if first && read.stall {
            // The reader goes on alone until its budget is full.
            tokio::time::sleep(STALL).await;
            accounted = accounted.max(reader.accounted());
        }
        first = false;
        if let Some(pace) = read.pace {
            let due = began + Duration::from_secs_f64(sink.bytes as f64 / f64::from(1 << 20) / f64::from(pace));
            tokio::time::sleep_until(due.into()).await;
        }
    }
    Ok(Said { accounted: Some(accounted), ..Said::default() })
}

/// Times the first chunk: ours and a plain GET in turn, each with its connections and session at hand.
pub(crate) async fn first_byte(read: &Read) -> anyhow::Result<Said> {
    let (session, plain, uri) = (session(read)?, sdk::client(read)?, uri(read)?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first turns connect and fill caches; they do not count.
    for turn in 0..read.repetitions + 10 {
        let first = timed(async {
            let mut reader = session.open(uri.clone()).await?;
            reader.next().await.context("the object is empty")??;
            anyhow::Ok(reader)
        });
        let second = timed(async {
            let mut body = sdk::open(&plain, read).await?;
            body.next().await.context("the object is empty")??;
            anyhow::Ok(body)
        });
        // Whoever comes second finds warm caches and awake cores.
        let (own, other) = if turn % 2 == 0 {
            let own = first.await?;
            (own, second.await?)
        } else {
            let other = second.await?;
            (first.await?, other)
        };
        if turn >= 10 {
            ours.push(own);
            theirs.push(other);
        }
    }
    Ok(Said { first_byte: Some([ours, theirs]), ..Said::default() })
}

/// Microseconds until `reading` has its first chunk. What is in flight when it is dropped must not be measured next.
async fn timed<T>(reading: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<f64> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let began = Instant::now();
    let reading = reading.await?;
    let took = began.elapsed();
    drop(reading);
    Ok(took.as_secs_f64() * 1e6)
}

fn uri(read: &Read) -> anyhow::Result<S3Uri> {
    Ok(format!("s3://{}/{}", read.bucket, read.key).parse()?)
}
