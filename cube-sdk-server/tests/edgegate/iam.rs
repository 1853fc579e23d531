//! The customer's administrator at IAM's own API, signed by hand.

use aws_lc_rs::{digest, hmac};
use cube_sdk_core::Timestamp;
use cube_sdk_core::secret::ExposeSecret;
use cube_sdk_server::local::World;
use serde_json::{Value, json};

use crate::support::http;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

async fn call(world: &World, action: &str, fields: &[(&str, &str)]) {
    let card = &world.card().aws;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", "2010-05-08")
        .extend_pairs(fields)
        .finish();
    let now = Timestamp::from_millisecond(Timestamp::now().as_second() * 1000).to_string();
    let stamp: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let (date, host) = (&stamp[..8], card.endpoint_url.strip_prefix("http://").unwrap());
    let (kind, signed) = ("application/x-www-form-urlencoded", "content-type;host;x-amz-date");
    let canonical =
        format!("POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{stamp}\n\n{signed}\n{}", sha256(&body));
    let scope = format!("{date}/{}/iam/aws4_request", card.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(&canonical));
    let mut secret = format!("AWS4{}", card.admin_secret_access_key.expose_secret()).into_bytes();
    for part in [date, &card.region, "iam", "aws4_request", &to_sign] {
        secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), part.as_bytes()).as_ref().to_vec();
    }
    let credential = &card.admin_access_key_id;
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={credential}/{scope}, SignedHeaders={signed}, Signature={}", hex(&secret));
    let request = http().post(&card.endpoint_url).header("content-type", kind).header("x-amz-date", &stamp);
    let response = request.header("authorization", authorization).body(body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{action}: {}", response.text().await.unwrap());
}

fn role_name(world: &World) -> &str {
    world.card().aws.role_arn.rsplit('/').next().unwrap()
}

async fn trust(world: &World, principal: &str) {
    let document = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole",
        "Condition": { "StringLike": { "sts:ExternalId": "*" } } }] });
    let fields = [("RoleName", role_name(world)), ("PolicyDocument", &document.to_string())];
    call(world, "UpdateAssumeRolePolicy", &fields).await;
}

/// Edits the trust policy of the role that admits everyone: it admits nobody from now on. Sessions go on.
pub async fn close_trust(world: &World) {
    trust(world, "arn:aws:iam::999988887777:root").await;
}

/// Admits the worker again.
pub async fn open_trust(world: &World) {
    trust(world, &world.card().aws.principal_arn).await;
}

/// Closes the trust policy and denies everything to sessions that were issued before, as the console's
/// "revoke active sessions" does.
pub async fn revoke_sessions(world: &World) {
    close_trust(world).await;
    deny(world).await;
}

/// Denies everything to the role; it can still be assumed.
pub async fn deny(world: &World) {
    let document: Value = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    let document = document.to_string();
    let fields =
        [("RoleName", role_name(world)), ("PolicyName", "AWSRevokeOlderSessions"), ("PolicyDocument", &document)];
    call(world, "PutRolePolicy", &fields).await;
}
