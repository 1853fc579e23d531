//! What CloudTrail is told of an S3 request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http::request;
use serde_json::{Value, json};

use super::super::identity::Caller;
use super::super::s3::{Exchange, Failure, Target};
use super::super::sigv4::Authorization;
use super::super::state::State;
use super::super::trail::{self, Event};
use super::header;

/// What the trail wants of the request, kept past the request.
pub(super) struct Sender {
    user_agent: String,
    source_ip: String,
    access_key_id: Option<String>,
}

impl Sender {
    pub(super) fn of(parts: &request::Parts, peer: SocketAddr) -> Self {
        Self {
            user_agent: header(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
            source_ip: peer.ip().to_string(),
            access_key_id: Authorization::read(&parts.headers).map(|authorization| authorization.access_key_id),
        }
    }
}

/// Leaves the record of one S3 request, and of the Decrypt that it caused.
pub(super) fn record(
    state: &State,
    target: &Target,
    exchange: &Exchange,
    failure: Option<&Failure>,
    seen: Sender,
    counted: Arc<AtomicU64>,
) {
    let (caller, decrypt) = {
        let mut notes = exchange.notes();
        (notes.caller.take(), notes.decrypt.take())
    };
    // An injected failure is answered before anyone is authenticated; the trail names whoever the key says.
    let caller: Option<Caller> = caller.or_else(|| state.directory.owner(seen.access_key_id.as_deref()?));
    let Some(caller) = caller else { return };
    let region =
        target.bucket.as_deref().and_then(|bucket| state.store.buckets().get(bucket).map(|b| b.region.clone()));
    let region = region.unwrap_or_else(|| state.region.clone());
    let identity = trail::identity(Some(&caller), &state.account_id);
    let bucket_arn = target.bucket.as_ref().map(|bucket| format!("arn:aws:s3:::{bucket}"));
    let mut parameters = json!({ "bucketName": target.bucket, "Host": format!("s3.{region}.amazonaws.com") });
    let mut resources = Vec::new();
    if let (Some(arn), Some(key)) = (&bucket_arn, &target.key) {
        parameters["key"] = json!(key);
        resources.push(json!({ "type": "AWS::S3::Object", "ARN": format!("{arn}/{key}") }));
    }
    if let Some(arn) = &bucket_arn {
        resources.push(json!({ "accountId": state.account_id, "type": "AWS::S3::Bucket", "ARN": arn }));
    }
    let now = state.clock.now();
    state.trail.add(
        &state.mint,
        now,
        Event {
            source: "s3.amazonaws.com",
            name: target.operation.to_owned(),
            region: region.clone(),
            request_id: exchange.request_id.clone(),
            identity: identity.clone(),
            user_agent: format!("[{}]", seen.user_agent),
            source_ip: seen.source_ip,
            error: failure.map(|failure| (failure.code.clone(), failure.message.clone())),
            request_parameters: parameters,
            response_elements: Value::Null,
            resources: Value::Array(resources),
            read_only: !matches!(target.operation, "PutObject" | "DeleteObject" | "CreateBucket"),
            data: target.key.is_some() || target.operation.starts_with("ListObjects"),
            bytes_out: Some(counted),
            host_id: Some(exchange.host_id.clone()),
        },
    );
    if let Some(decrypt) = decrypt {
        let mut identity = identity;
        identity["invokedBy"] = json!("AWS Internal");
        state.trail.add(
            &state.mint,
            now,
            Event {
                source: "kms.amazonaws.com",
                name: "Decrypt".to_owned(),
                region,
                request_id: state.mint.uuid(),
                identity,
                user_agent: "AWS Internal".to_owned(),
                source_ip: "AWS Internal".to_owned(),
                error: decrypt.denied.map(|message| ("AccessDenied".to_owned(), message)),
                request_parameters: json!({
                    "encryptionContext": { "aws:s3:arn": decrypt.object_arn },
                    "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
                }),
                response_elements: Value::Null,
                resources: json!([{ "accountId": state.account_id, "type": "AWS::KMS::Key", "ARN": decrypt.key_arn }]),
                read_only: true,
                data: false,
                bytes_out: None,
                host_id: None,
            },
        );
    }
}
