//! The AWS SDK, pointed at a world.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region, retry::RetryConfig};
use cube_sdk_testkit::aws::{AccessKey, AwsWorld};

/// Keys as SDK credentials.
pub(crate) fn keys(id: &str, secret: &str, token: Option<String>) -> Credentials {
    Credentials::new(id, secret, token, None, "test")
}

/// A user's key as SDK credentials.
pub(crate) fn user(key: &AccessKey) -> Credentials {
    use secrecy::ExposeSecret as _;
    keys(&key.access_key_id, key.secret_access_key.expose_secret(), None)
}

/// An S3 client without retries.
pub(crate) fn s3(world: &AwsWorld, credentials: Credentials, region: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(world.endpoint_url())
        .region(Region::new(region.to_owned()))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
        .credentials_provider(credentials)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// An STS client without retries.
pub(crate) fn sts(world: &AwsWorld, credentials: Credentials) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(world.endpoint_url())
        .region(Region::new(world.region().to_owned()))
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials)
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

/// The worker's session in a role, under any External ID.
pub(crate) async fn session(world: &AwsWorld, role_arn: &str) -> Credentials {
    let assumed = sts(world, user(&world.card().worker))
        .assume_role()
        .role_arn(role_arn)
        .role_session_name("edgegate-test")
        .external_id("c2b7a6d4-93e1-4f0a-b1d8-6a1e5d2f7c90")
        .send()
        .await
        .expect("the standard role admits the worker");
    let issued = assumed.credentials().expect("credentials");
    keys(issued.access_key_id(), issued.secret_access_key(), Some(issued.session_token().to_owned()))
}
