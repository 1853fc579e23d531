//! S3: buckets, the operations on them, and the bodies they answer.

mod backend;
mod body;
mod condition;
mod copy;
mod exchange;
mod failure;
mod integrity;
mod keys;
mod listing;
mod permission;
mod range;
mod read;
mod store;
mod upload;

pub(crate) use backend::Backend;
pub(crate) use body::{Break, Cut, ObjectBody, Pace};
pub(crate) use exchange::{Exchange, KeyUse};
pub(crate) use failure::Failure;
pub(crate) use keys::Keys;
pub(crate) use read::Reads;
pub(crate) use store::{Bucket, Entry, Store, StoredBucket, StoredObject};

use http::{HeaderMap, Method, Uri};

/// The operation, bucket and key of a path-style request, by method, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) operation: &'static str,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
}

impl Target {
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let (path, query) = (uri.path(), uri.query());
        let copies = headers.contains_key("x-amz-copy-source");
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let has = |name: &str| query.is_some_and(|q| q.split('&').any(|pair| pair.split('=').next() == Some(name)));
        let decode = |text: &str| {
            // Only `%` is an escape in a path; `+` stands for itself.
            let plus_kept = text.replace('+', "%2B");
            url::form_urlencoded::parse(plus_kept.as_bytes())
                .next()
                .map(|(key, _)| key.into_owned())
                .unwrap_or_default()
        };
        // Sub-resources that are operations of their own, and left out here.
        let other = ["acl", "tagging", "torrent", "retention", "legal-hold", "restore", "select", "versions", "policy"];
        let operation = match (method, bucket.is_empty(), key.is_empty()) {
            (&Method::GET, true, _) => "ListBuckets",
            _ if other.into_iter().any(has) => "Unknown",
            (&Method::GET, _, true) if has("location") => "GetBucketLocation",
            (&Method::GET, _, true) if has("uploads") => "ListMultipartUploads",
            (&Method::GET, _, true) if has("list-type") => "ListObjectsV2",
            (&Method::GET, _, true) => "ListObjects",
            (&Method::HEAD, false, true) => "HeadBucket",
            (&Method::PUT, false, true) => "CreateBucket",
            (&Method::DELETE, false, true) => "DeleteBucket",
            (&Method::POST, false, true) if has("delete") => "DeleteObjects",
            (&Method::GET, _, false) if has("attributes") => "GetObjectAttributes",
            (&Method::GET, _, false) if has("uploadId") => "ListParts",
            (&Method::GET, _, false) => "GetObject",
            (&Method::HEAD, _, false) => "HeadObject",
            (&Method::PUT, _, false) if has("partNumber") && copies => "UploadPartCopy",
            (&Method::PUT, _, false) if has("partNumber") => "UploadPart",
            (&Method::PUT, _, false) if copies => "CopyObject",
            (&Method::PUT, _, false) => "PutObject",
            (&Method::POST, _, false) if has("uploads") => "CreateMultipartUpload",
            (&Method::POST, _, false) if has("uploadId") => "CompleteMultipartUpload",
            (&Method::DELETE, _, false) if has("uploadId") => "AbortMultipartUpload",
            (&Method::DELETE, _, false) => "DeleteObject",
            _ => "Unknown",
        };
        let some = |text: &str| (!text.is_empty()).then(|| decode(&text.replace('=', "%3D").replace('&', "%26")));
        Self { operation, bucket: some(bucket), key: some(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (method, path, operation, key) in [
            (Method::GET, "/models/a/b%20c+d=e&f", "GetObject", Some("a/b c+d=e&f")),
            (Method::HEAD, "/models/k?versionId=1", "HeadObject", Some("k")),
            (Method::HEAD, "/models", "HeadBucket", None),
            (Method::HEAD, "/models/", "HeadBucket", None),
            (Method::GET, "/models?list-type=2&prefix=a", "ListObjectsV2", None),
            (Method::GET, "/models?prefix=acl", "ListObjects", None),
            (Method::GET, "/models/?location", "GetBucketLocation", None),
            (Method::PUT, "/models", "CreateBucket", None),
            (Method::DELETE, "/models", "DeleteBucket", None),
            (Method::POST, "/models?delete", "DeleteObjects", None),
            (Method::DELETE, "/models/k", "DeleteObject", Some("k")),
            (Method::GET, "/models/k?attributes", "GetObjectAttributes", Some("k")),
            (Method::GET, "/models/k?acl", "Unknown", Some("k")),
            (Method::POST, "/models/k?uploads", "CreateMultipartUpload", Some("k")),
            (Method::PUT, "/models/k?partNumber=1&uploadId=u", "UploadPart", Some("k")),
            (Method::POST, "/models/k?uploadId=u", "CompleteMultipartUpload", Some("k")),
            (Method::DELETE, "/models/k?uploadId=u", "AbortMultipartUpload", Some("k")),
            (Method::GET, "/models/k?uploadId=u", "ListParts", Some("k")),
            (Method::GET, "/models/k?partNumber=2", "GetObject", Some("k")),
        ] {
            let target = Target::of(&method, &Uri::from_static(path), &HeaderMap::new());
            assert_eq!((target.operation, target.key.as_deref()), (operation, key), "{method} {path}");
        }
        let copy = [("x-amz-copy-source", "a/b")]
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
        let copy = HeaderMap::from_iter(copy);
        for (path, operation) in [("/models/k", "CopyObject"), ("/models/k?partNumber=1&uploadId=u", "UploadPartCopy")]
        {
            assert_eq!(Target::of(&Method::PUT, &Uri::from_static(path), &copy).operation, operation);
        }
    }
}
