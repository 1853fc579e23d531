//! The AWS SDK, and raw HTTP, pointed at a world. Each test binary uses its share.
#![allow(dead_code)]

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

/// One signed form to STS or IAM, as raw HTTP: status and body.
pub(crate) async fn query(
    world: &AwsWorld,
    key: &AccessKey,
    service: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> (u16, String) {
    let version = if action.contains("Role") && action != "AssumeRole" || action == "ListUsers" {
        "2010-05-08"
    } else {
        "2011-06-15"
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version).extend_pairs(fields);
    let body = form.finish();
    let request = signed_form(world, key, service, &body);
    let (head, text) = exchange(world, &request).await;
    (head.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

/// A form POST signed by hand: an independent check of the world's own verification.
pub(crate) fn signed_form(world: &AwsWorld, key: &AccessKey, service: &str, body: &str) -> String {
    use aws_lc_rs::{digest, hmac};
    use secrecy::ExposeSecret as _;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sha = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (date, region, host) = (&stamp[..8], world.region(), world.address().to_string());
    let signed = "content-type;host;x-amz-date";
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let canonical =
        format!("POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{stamp}\n\n{signed}\n{}", sha(body));
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha(&canonical));
    let mut secret = format!("AWS4{}", key.secret_access_key.expose_secret()).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), part.as_bytes()).as_ref().to_vec();
    }
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), to_sign.as_bytes());
    format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\nx-amz-date: {stamp}\r\nconnection: close\r\n\
         content-length: {}\r\nauthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, \
         Signature={}\r\n\r\n{body}",
        body.len(),
        key.access_key_id,
        hex(signature.as_ref()),
    )
}

/// Sends raw HTTP and reads to the end: head (status line and headers) and body, as text.
pub(crate) async fn exchange(world: &AwsWorld, request: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Whether presigned or not, one more minute to send it in.
pub(crate) fn presigning() -> aws_sdk_s3::presigning::PresigningConfig {
    aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap()
}

/// A presigned request as raw HTTP, with further headers, each ended by CRLF: none but the host is signed.
pub(crate) async fn send(
    world: &AwsWorld,
    request: &aws_sdk_s3::presigning::PresignedRequest,
    headers: &str,
) -> (String, String) {
    let path = request.uri().strip_prefix(world.endpoint_url()).unwrap();
    let (method, host) = (request.method(), world.address());
    exchange(world, &format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n")).await
}

/// A header of a raw answer.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}

/// The status of a raw answer.
pub(crate) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// What a bucket in a region is made with.
pub(crate) fn place(region: &str) -> aws_sdk_s3::types::CreateBucketConfiguration {
    let constraint = aws_sdk_s3::types::BucketLocationConstraint::from(region);
    aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(constraint).build()
}
