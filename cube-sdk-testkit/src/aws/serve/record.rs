//! What CloudTrail is told of an S3 request.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request;
use serde_json::{Map, Value, json};

use super::super::identity::Caller;
use super::super::request_log::Tally;
use super::super::s3::{Exchange, Failure, KeyUse, Target};
use super::super::sigv4::Authorization;
use super::super::state::State;
use super::super::trail::{self, Event};
use super::header;

/// What the trail wants of the request, kept past the request.
pub(super) struct Sender {
    user_agent: String,
    source_ip: String,
    access_key_id: Option<String>,
    /// The parameters of the query, those of a presigned URL left out.
    query: Map<String, Value>,
    /// Answered by a fault, before anyone was authenticated.
    unheard: bool,
}

impl Sender {
    pub(super) fn of(parts: &request::Parts, peer: SocketAddr, unheard: bool) -> Self {
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = query.filter(|(name, _)| !name.starts_with("X-Amz-") && name != "x-id");
        Self {
            user_agent: header(&parts.headers, "user-agent").unwrap_or_default().to_owned(),
            source_ip: peer.ip().to_string(),
            access_key_id: Authorization::read(&parts.headers).map(|authorization| authorization.access_key_id),
            query: query.map(|(name, value)| (name.into_owned(), json!(value))).collect(),
            unheard,
        }
    }
}

/// Operations on buckets that are logged as management events; all others are data events.
const MANAGEMENT: [&str; 5] =
    ["ListBuckets", "CreateBucket", "DeleteBucket", "GetBucketLocation", "ListMultipartUploads"];

/// Leaves the record of one S3 request, and of the use of a key that it caused.
pub(super) fn record(
    state: &State,
    target: &Target,
    exchange: &Exchange,
    failure: Option<&Failure>,
    seen: Sender,
    tally: &Arc<Tally>,
) {
    let (caller, anonymous, key_use, deleted) = {
        let mut notes = exchange.notes();
        (notes.caller.take(), notes.anonymous, notes.key_use.take(), std::mem::take(&mut notes.deleted))
    };
    // Whom the key names, where a fault came first. Who was not authenticated is not logged at all.
    let named = || state.directory.owner(seen.access_key_id.as_deref()?).filter(|_| seen.unheard);
    let caller: Option<Caller> = caller.or_else(named);
    // A front end's answer without a word never came to the service that keeps the trail.
    let wordless = failure.is_some_and(|failure| failure.code.is_empty());
    if wordless || caller.is_none() && !anonymous {
        return;
    }
    let region =
        target.bucket.as_deref().and_then(|bucket| state.store.buckets().get(bucket).map(|b| b.region.clone()));
    let own = caller.as_ref().is_some_and(|caller| caller.account() == state.account_id);
    // A stranger's call is told to the owner of the bucket, and there is none of a bucket that does not exist.
    if !own && region.is_none() {
        return;
    }
    let region = region.unwrap_or_else(|| state.region.clone());
    let identity = trail::identity(caller.as_ref(), &state.account_id);
    let bucket_arn = target.bucket.as_ref().map(|bucket| format!("arn:aws:s3:::{bucket}"));
    let data = !MANAGEMENT.contains(&target.operation);
    let object = |key: &str| match &bucket_arn {
        Some(arn) => json!({ "type": "AWS::S3::Object", "ARN": format!("{arn}/{key}") }),
        None => Value::Null,
    };
    let event = |name: &str, key: Option<&str>, error: Option<(String, String)>| {
        let mut parameters = seen.query.clone();
        parameters.insert("bucketName".to_owned(), json!(target.bucket));
        parameters.insert("Host".to_owned(), json!(format!("s3.{region}.amazonaws.com")));
        let mut resources = Vec::new();
        if let Some(key) = key {
            parameters.insert("key".to_owned(), json!(key));
            resources.push(object(key));
        } else if let (Some(arn), "ListObjects") = (&bucket_arn, name) {
            let prefix = seen.query.get("prefix").and_then(Value::as_str).unwrap_or_default();
            resources.push(json!({ "type": "AWS::S3::Object", "ARNPrefix": format!("{arn}/{prefix}") }));
        }
        if let Some(arn) = &bucket_arn {
            resources.push(json!({ "accountId": state.account_id, "type": "AWS::S3::Bucket", "ARN": arn }));
        }
        Event {
            source: "s3.amazonaws.com",
            name: name.to_owned(),
            region: region.clone(),
            request_id: exchange.request_id.clone(),
            identity: identity.clone(),
            user_agent: format!("[{}]", seen.user_agent),
            source_ip: seen.source_ip.clone(),
            error,
            request_parameters: Value::Object(parameters),
            response_elements: Value::Null,
            resources: Value::Array(resources),
            read_only: ["Get", "Head", "List"].iter().any(|verb| name.starts_with(verb)),
            data,
            answer: Some(tally.clone()),
            host_id: Some(exchange.host_id.clone()),
        }
    };
    // Both versions of the list go by one name.
    let name = if target.operation == "ListObjectsV2" { "ListObjects" } else { target.operation };
    let error = failure.map(|failure| (failure.code.clone(), failure.message.clone()));
    let now = state.clock.now();
    state.trail.add(&state.mint, now, event(name, target.key.as_deref(), error));
    for key in &deleted {
        state.trail.add(&state.mint, now, event("DeleteObject", Some(key), None));
    }
    if let Some(key_use) = key_use {
        state.trail.add(&state.mint, now, by_kms(state, key_use, region, identity));
    }
}

/// A use of a key by S3 for the caller: a management event of KMS, under a request id of its own.
fn by_kms(state: &State, key_use: KeyUse, region: String, mut identity: Value) -> Event {
    identity["invokedBy"] = json!("AWS Internal");
    let name = key_use.action.trim_start_matches("kms:").to_owned();
    let mut parameters = json!({ "encryptionContext": { "aws:s3:arn": key_use.object_arn } });
    if name == "Decrypt" {
        parameters["encryptionAlgorithm"] = json!("SYMMETRIC_DEFAULT");
    } else {
        parameters["keyId"] = json!(key_use.key_arn);
        parameters["keySpec"] = json!("AES_256");
    }
    Event {
        source: "kms.amazonaws.com",
        name,
        region,
        request_id: state.mint.uuid(),
        identity,
        user_agent: "AWS Internal".to_owned(),
        source_ip: "AWS Internal".to_owned(),
        error: key_use.error,
        request_parameters: parameters,
        response_elements: Value::Null,
        resources: json!([{ "accountId": state.account_id, "type": "AWS::KMS::Key", "ARN": key_use.key_arn }]),
        read_only: true,
        data: false,
        answer: None,
        host_id: None,
    }
}
