//! Reads one object with aws-sdk-s3-transfer-manager, in order, into a null sink, and prints one JSON line.
//!
//! `peer-transfer-manager ENDPOINT BUCKET KEY PART_BYTES REQUESTS`; the keys come from the environment.

use std::error::Error;
use std::time::Instant;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3_transfer_manager::types::{ConcurrencyMode, PartSize};
use aws_sdk_s3_transfer_manager::{Client, Config, S3ClientConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, bucket, key, part, requests] = arguments.as_slice() else {
        return Err("usage: peer-transfer-manager ENDPOINT BUCKET KEY PART_BYTES REQUESTS".into());
    };
    let keys = Credentials::new(
        std::env::var("AWS_ACCESS_KEY_ID")?,
        std::env::var("AWS_SECRET_ACCESS_KEY")?,
        None,
        None,
        "environment",
    );
    let sdk = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(keys);
    let client = Client::new(
        Config::builder()
            .s3_config(S3ClientConfig::new(sdk))
            .part_size(PartSize::Target(part.parse()?))
            .concurrency(ConcurrencyMode::Explicit(requests.parse()?))
            .build(),
    );

    let began = Instant::now();
    let mut download = client.download().bucket(bucket).key(key).initiate()?;
    let mut bytes = 0_u64;
    while let Some(chunk) = download.body_mut().next().await {
        bytes += chunk?.data.len() as u64;
    }
    download.join().await?;
    println!("{}", serde_json::json!({ "bytes": bytes, "seconds": began.elapsed().as_secs_f64() }));
    Ok(())
}
