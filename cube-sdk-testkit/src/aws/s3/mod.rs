//! S3: buckets, the operations on them, and the bodies they answer.

mod backend;
mod body;
mod exchange;
mod failure;
mod keys;
mod listing;
mod permission;
mod representation;
mod store;

pub(crate) use backend::Backend;
pub(crate) use body::{Cut, ObjectBody};
pub(crate) use exchange::Exchange;
pub(crate) use failure::Failure;
pub(crate) use keys::Keys;
pub(crate) use store::{Bucket, Entry, Store, StoredBucket, StoredObject};

use http::Method;

/// The operation, bucket and key of a path-style request, by method, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) operation: &'static str,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
}

impl Target {
    pub(crate) fn of(method: &Method, path: &str, query: Option<&str>) -> Self {
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
        let operation = match (method, bucket.is_empty(), key.is_empty()) {
            (&Method::GET, true, _) => "ListBuckets",
            (&Method::GET, _, true) if has("location") => "GetBucketLocation",
            (&Method::GET, _, true) if has("list-type") => "ListObjectsV2",
            (&Method::GET, _, true) => "ListObjects",
            (&Method::HEAD, false, true) => "HeadBucket",
            (&Method::PUT, false, true) => "CreateBucket",
            (&Method::GET, _, false) => "GetObject",
            (&Method::HEAD, _, false) => "HeadObject",
            (&Method::PUT, _, false) => "PutObject",
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
        for (method, path, query, operation, key) in [
            (Method::GET, "/models/a/b%20c+d=e&f", None, "GetObject", Some("a/b c+d=e&f")),
            (Method::HEAD, "/models/k", Some("versionId=1"), "HeadObject", Some("k")),
            (Method::HEAD, "/models", None, "HeadBucket", None),
            (Method::HEAD, "/models/", None, "HeadBucket", None),
            (Method::GET, "/models", Some("list-type=2&prefix=a"), "ListObjectsV2", None),
            (Method::GET, "/models/", Some("location"), "GetBucketLocation", None),
            (Method::PUT, "/models", None, "CreateBucket", None),
            (Method::DELETE, "/models/k", None, "DeleteObject", Some("k")),
            (Method::POST, "/models/k", Some("uploads"), "Unknown", Some("k")),
        ] {
            let target = Target::of(&method, path, query);
            assert_eq!((target.operation, target.key.as_deref()), (operation, key), "{method} {path}");
        }
    }
}
