//! GetObject and HeadObject. They stand before s3s's own parsing, which refuses ranges and conditions that S3 ignores.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use jiff::Timestamp;
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

use super::super::state::State;
use super::super::store::Entry;
use super::Target;
use super::condition::{self, http_date};
use super::failure::Failure;
use super::permission::admit;
use super::range::Selection;

/// Query parameters that replace headers of the answer.
const OVERRIDES: [(&str, &str); 6] = [
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
    ("response-content-language", "content-language"),
    ("response-content-type", "content-type"),
    ("response-expires", "expires"),
];

/// The two reads, signature checked.
pub(crate) struct Reads(pub(crate) Arc<State>);

#[async_trait]
impl S3Route for Reads {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, _: &mut Extensions) -> bool {
        matches!(Target::of(method, uri, headers).operation, "GetObject" | "HeadObject")
    }

    async fn check_access(&self, _: &mut S3Request<Body>) -> S3Result<()> {
        Ok(())
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let state = &self.0;
        let target = Target::of(&request.method, &request.uri, &request.headers);
        let (bucket, key) = (target.bucket.unwrap_or_default(), target.key.unwrap_or_default());
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let parameter = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let admitted = admit(state, &request, &bucket)?;
        let fail = |failure: Failure| admitted.exchange.fail(failure);
        let entry = admitted.find(state, "s3:GetObject", &key)?;
        // Buckets here have no versions: every object is the version `null`.
        if let Some(id) = parameter("versionId").filter(|id| *id != "null") {
            return Err(fail(Failure::no_such_version(&key, id)));
        }
        let now = state.clock.now();
        let outcome = condition::evaluate(&request.headers, &condition::OF_READ, &entry, now);
        outcome.of_read(&entry).map_err(fail)?;
        let is_get = request.method == Method::GET;
        let attributes = &entry.object.attributes;
        if is_get && attributes.is_archived(now) {
            return Err(fail(Failure::archived(attributes.class(), attributes.archive_tier.as_deref())));
        }
        let mut asked = request.headers.clone();
        if !condition::range_counts(&asked, &entry) {
            asked.remove("range");
        }
        let selection = Selection::of(&asked, parameter("partNumber"), &entry.object).map_err(fail)?;
        let checked = request.headers.get("x-amz-checksum-mode").is_some_and(|mode| mode == "ENABLED");
        // The checksum of an SSE-KMS object is itself encrypted; the rest of its metadata is not.
        if is_get || checked {
            admitted.decrypt(state, &entry, &key)?;
        }
        let mut headers = describe(&entry, &selection, now);
        if checked && selection == Selection::Whole {
            checksum(&entry, &mut headers);
        }
        for (parameter_, name) in OVERRIDES {
            if let Some(value) = parameter(parameter_).and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        if is_get {
            admitted.exchange.notes().body = Some((entry.object.clone(), selection.bytes(entry.object.size())));
        }
        let mut response = S3Response::with_headers(Body::empty(), headers);
        response.status =
            Some(if selection == Selection::Whole { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT });
        Ok(response)
    }
}

fn describe(entry: &Entry, selection: &Selection, now: Timestamp) -> HeaderMap {
    let (attributes, size) = (&entry.object.attributes, entry.object.size());
    let bytes = selection.bytes(size);
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    set("accept-ranges", "bytes");
    set("content-length", &(bytes.end - bytes.start).to_string());
    set("content-type", attributes.content_type.as_deref().unwrap_or("binary/octet-stream"));
    set("etag", &format!("\"{}\"", entry.etag));
    set("last-modified", &http_date(entry.modified));
    set("x-amz-server-side-encryption", attributes.encryption());
    if let Some(arn) = &attributes.kms_key_arn {
        set("x-amz-server-side-encryption-aws-kms-key-id", arn);
    }
    // The default class is not shown.
    if let Some(class) = &attributes.storage_class {
        set("x-amz-storage-class", class);
    }
    if let Some(tier) = &attributes.archive_tier {
        set("x-amz-archive-status", tier);
    }
    match attributes.restore {
        Some(super::super::object::Restore::InProgress) => set("x-amz-restore", "ongoing-request=\"true\""),
        Some(super::super::object::Restore::Until(end)) if now < end => {
            set("x-amz-restore", &format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(end)));
        }
        // Nothing is told of a copy that is gone again.
        Some(super::super::object::Restore::Until(_)) | None => {}
    }
    for (name, value) in &attributes.headers {
        set(name, value);
    }
    let mut missing = 0;
    for (name, value) in &attributes.metadata {
        // What no header can carry is counted instead.
        if value.is_ascii() { set(&format!("x-amz-meta-{name}"), value) } else { missing += 1 }
    }
    if missing > 0 {
        set("x-amz-missing-meta", &missing.to_string());
    }
    if *selection != Selection::Whole {
        set("content-range", &format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1));
    }
    if let (Selection::Part(_), Some(count)) = (selection, entry.object.part_count()) {
        set("x-amz-mp-parts-count", &count.to_string());
    }
    headers
}

fn checksum(entry: &Entry, headers: &mut HeaderMap) {
    let Some(stored) = &entry.object.checksum else { return };
    let value = stored.composite.clone().unwrap_or_else(|| entry.object.digest(stored.algorithm));
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(stored.algorithm.header(), value);
        headers.insert("x-amz-checksum-type", HeaderValue::from_static(stored.kind()));
    }
}
