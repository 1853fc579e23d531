//! Reads one S3 object into a null sink and prints one JSON line of figures.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cube-read --endpoint-url http://127.0.0.1:9000 --bucket models --key m.bin
//! ```
//!
//! The digest is computed and printed; with `--sha256` it must be that one, with `--no-verify` there is none.
#![allow(clippy::print_stdout, reason = "the result goes to stdout")]

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use cube_sdk::byo::{Bucket, Region, S3Uri, Sha256, Storage};
use futures_util::StreamExt;
use secrecy::SecretString;
use serde_json::json;
use url::Url;

#[derive(Parser)]
#[command(name = "cube-read", version, about = "Reads one S3 object into a null sink")]
struct Arguments {
    /// The server; AWS itself if not given.
    #[arg(long)]
    endpoint_url: Option<Url>,
    /// Bucket.
    #[arg(long)]
    bucket: Bucket,
    /// Key.
    #[arg(long)]
    key: String,
    /// Region of the bucket.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: Region,
    /// The SHA-256 that the object must have, 64 hex digits.
    #[arg(long, conflicts_with = "no_verify")]
    sha256: Option<Sha256>,
    /// Compute no digest.
    #[arg(long)]
    no_verify: bool,
    /// The most bytes between sockets and sink, such as 67108864 or 64MiB.
    #[arg(long, value_parser = length)]
    budget: Option<u64>,
}

/// Bytes, KiB, MiB or GiB.
fn length(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("unknown unit {other:?}: use KiB, MiB or GiB")),
    };
    let count: u64 = digits.parse().map_err(|error| format!("{digits:?}: {error}"))?;
    count.checked_mul(unit).ok_or_else(|| format!("{text} is too large"))
}

fn storage(endpoint: Option<Url>) -> anyhow::Result<Storage> {
    let named = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let secret = SecretString::from(named("AWS_SECRET_ACCESS_KEY")?);
    let token = std::env::var("AWS_SESSION_TOKEN").ok().map(SecretString::from);
    let mut builder = Storage::builder().keys(named("AWS_ACCESS_KEY_ID")?, secret, token);
    if let Some(url) = endpoint {
        builder = builder.endpoint_url(url);
    }
    Ok(builder.build()?)
}

/// A value of `/proc/self/status` in bytes.
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// User and system time of this process; the kernel counts in steps of 10 ms.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let uri: S3Uri = format!("s3://{}/{}", arguments.bucket, arguments.key).parse()?;
    let session = storage(arguments.endpoint_url)?.own_session(arguments.bucket, arguments.region)?;

    let began = Instant::now();
    let mut open = session.open(uri);
    if let Some(budget) = arguments.budget {
        open = open.budget(budget);
    }
    open = match arguments.sha256 {
        _ if arguments.no_verify => open,
        Some(expected) => open.expect_sha256(expected),
        None => open.compute_sha256(),
    };
    let mut reader = open.await?;
    let mut bytes = 0_u64;
    while let Some(chunk) = reader.next().await {
        bytes += chunk?.len() as u64;
    }
    let seconds = began.elapsed().as_secs_f64();

    let line = json!({
        "bytes": bytes,
        "seconds": seconds,
        "mib_per_s": bytes as f64 / f64::from(1 << 20) / seconds,
        "sha256": reader.sha256().map(|digest| digest.to_string()),
        "requests": reader.stats().requests,
        "cpu_seconds": cpu_time().map(|time| time.as_secs_f64()),
        "peak_rss_bytes": peak_rss(),
    });
    println!("{line}");
    Ok(())
}
